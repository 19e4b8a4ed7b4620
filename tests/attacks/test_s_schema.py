"""Lines S01 to S11: hostile data against schemas, and schemas that must not start."""

from pathlib import Path
from typing import Any

import pytest
from marshmallow import EXCLUDE, INCLUDE, Schema, fields, validate

from tests.policy.samples import message, said, schema, text
from tornado_wssec.errors import ConfigurationError, InvalidMessage
from tornado_wssec.policy.registry import Registry

from .hostile_json import Frame
from .test_n_json import assert_refused, every

pytestmark = pytest.mark.usefixtures("way")
MOST = validate.Length(max=9)


def assert_does_not_start(fault: str, field: fields.Field[Any]) -> None:
    """A message with this field is refused at the start, with a remedy."""
    found = said(message(x=field))

    assert fault in found
    assert "; " in found


@every("S01")
def test_s01_unknown_fields(frame: Frame) -> None:
    """At the top, and in whatever is nested."""
    assert_refused(frame)


@pytest.mark.requirement("R052")
@pytest.mark.parametrize("unknown", [EXCLUDE, INCLUDE])
def test_s01_schemas_that_let_unknown_fields_pass(unknown: Any) -> None:
    """Anywhere in a registered schema it does not start."""
    lax = schema({"unknown": unknown}, y=text())

    assert "lets unknown fields pass" in said(message({"unknown": unknown}))
    for field in (
        fields.Nested(lax),
        fields.List(fields.Nested(lax), validate=MOST),
        fields.Nested(lax(unknown=unknown)),
    ):
        assert_does_not_start("lets unknown fields pass", field)


@every("S02")
def test_s02_missing_and_null(frame: Frame) -> None:
    """A required field is there, and is something."""
    assert_refused(frame)


@every("S03")
def test_s03_unknown_types(frame: Frame) -> None:
    """Nothing is folded, trimmed or looked up in a prototype."""
    assert_refused(frame)


@pytest.mark.parametrize(
    "field",
    [fields.Integer(), fields.Float(), fields.Boolean(), fields.Decimal(), fields.TimeDelta()],
    ids=lambda field: type(field).__name__,
)
def test_s04_fields_that_coerce(field: fields.Field[Any]) -> None:
    """The remedy names the strict one."""
    assert_does_not_start(f"use Strict{type(field).__name__}", field)


@pytest.mark.parametrize(
    ("pattern", "mended"),
    [("^[a-z]+$", r"^[a-z]+\Z"), ("[a-z]+", r"[a-z]+\Z"), ("a|b", r"(?:a|b)\Z"), (r"a\Z|b", r"(?:a\Z|b)\Z")],
)
def test_s05_expressions_without_an_end(pattern: str, mended: str) -> None:
    """The remedy holds the mended pattern, which starts."""
    assert_does_not_start(f'write Regexp(r"{mended}")', text(validate=[validate.Regexp(pattern), MOST]))

    assert "" == said(message(x=text(validate=[validate.Regexp(mended), MOST])))


@pytest.mark.parametrize("value", ["abc\n", "abc;DROP", "\nabc", "abc\r", "abc\u2028"])
def test_s05_mended_expressions_match_whole_texts(value: str) -> None:
    """Neither a newline at the end nor any suffix passes."""
    spec = Registry(message(x=text(validate=[validate.Regexp(r"^[a-z]+\Z"), MOST]))).resolve("sample.message")

    with pytest.raises(InvalidMessage):
        spec.load({"x": value})


@pytest.mark.requirement("R053")
@pytest.mark.parametrize(
    "field",
    [
        fields.String(),
        fields.String(validate=validate.Regexp(r"[a-z]+\Z")),
        fields.Url(),
        fields.List(text()),
        fields.Dict(keys=text(), values=text()),
        fields.Nested(schema(), many=True),
    ],
    ids=lambda field: type(field).__name__,
)
def test_s08_fields_without_a_maximum(field: fields.Field[Any]) -> None:
    """Texts, lists, dicts and lists of schemas have one."""
    assert_does_not_start("without a maximum", field)


@pytest.mark.parametrize("field", [fields.Raw(), fields.Method(deserialize="load"), fields.Function(deserialize=str)])
def test_s08_fields_that_take_anything(field: fields.Field[Any]) -> None:
    """What does not say what it takes does not start; nor does a dict that does not."""
    assert_does_not_start("which takes anything", field)
    assert_does_not_start("does not say what its keys and values are", fields.Dict(validate=MOST))


def endless(value: Any) -> Any:
    """Call itself for ever."""
    return endless(value)


@pytest.mark.parametrize(
    "validator", [lambda value: {}[value], endless, lambda value: 1 // 0, lambda value: value.nothing]
)
def test_s09_validators_that_crash(validator: Any) -> None:
    """A crash is a refusal, and its evidence does not hold the value."""
    spec = Registry(message(x=text(validate=[MOST, validator]))).resolve("sample.message")

    with pytest.raises(InvalidMessage) as caught:
        spec.load({"x": "s3cret"})
    assert "s3cret" not in caught.value.evidence
    assert "Error in" in caught.value.evidence


def test_s09_validators_that_answer() -> None:
    """One whose answer is seen does not start; one whose answer is not seen is heard."""
    assert_does_not_start("which marshmallow throws away", text(validate=[MOST, lambda value: value == "x"]))
    spec = Registry(message(x=text(validate=lambda value: value.strip()[0] == "y" and value.isalpha()))).messages

    with pytest.raises(InvalidMessage):
        spec["sample.message"].load({"x": "x"})


@every("S10")
def test_s10_nested_given_something_else(frame: Frame) -> None:
    """A list or a scalar is no object, and an object is no list."""
    assert_refused(frame)


def test_s11_declarations_that_do_not_start() -> None:
    """Two of one name, none without a permission, and no permission that could not be filled in."""
    both = said(message({"type": "a"}, x=text()), message({"type": "a"}, y=text()))

    assert "a: is the type of tests.policy.samples.Sample and tests.policy.samples.Sample" in both
    assert "declares no permission" in said(message({"permission": None}))
    assert "permission names {x}, which is no field" in said(message({"permission": "a:{x}"}))
    assert "which is not a required field" in said(message({"permission": "a:{x}"}, x=fields.String(validate=MOST)))


@pytest.mark.parametrize("fault", ["anybody may write", "is a link out of its package", "anybody may replace"])
def test_s11_modules_of_somebody_else(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What anybody could have put there is not run."""
    name = "attacked_" + fault.replace(" ", "_")  # what was imported once is not looked for again
    package, outside = tmp_path / name, tmp_path / "outside.py"
    package.mkdir(mode=0o755)
    (package / "__init__.py").touch(mode=0o644)
    outside.write_text("raise SystemExit")
    monkeypatch.syspath_prepend(str(tmp_path))
    if "link" in fault:
        (package / "evil.py").symlink_to(outside)
    else:
        (package / "evil.py").write_text("raise SystemExit")
        (package / "evil.py" if "write" in fault else package).chmod(0o777)

    with pytest.raises(ConfigurationError, match=fault):
        Registry.scan(name)


def test_s11_schemas_that_nest_themselves() -> None:
    """The start reads them to the end, and every level is guarded."""

    class Tree(Schema):
        class Meta:
            register = False

        word = text(required=False)
        leaves = fields.List(fields.Nested(lambda: Tree()), validate=MOST)

    spec = Registry(message(x=fields.Nested(Tree))).resolve("sample.message")
    deep: dict[str, Any] = {"word": "a\0"}
    for _ in range(12):
        deep = {"leaves": [deep]}

    assert "" == said(message(x=fields.Nested(Tree)))
    with pytest.raises(InvalidMessage):
        spec.load({"x": deep})
