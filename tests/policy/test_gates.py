"""What stands before and behind the fields of a schema at run time."""

import enum
import ipaddress
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validate, validates, validates_schema

from tornado_wssec.policy.anatomy import levels_of
from tornado_wssec.policy.gates import Gate, guard_dumping, guard_loading, lengths_of, writing_gate

from .samples import schema, text


class Color(enum.Enum):
    """Members by name."""

    RED = 1


def guarded(**members: Any) -> Schema:
    """An instance with gates for what comes in."""
    made = schema(**members)()
    guard_loading(levels_of(made))
    return made


def sending(**members: Any) -> Schema:
    """An instance with gates for what goes out."""
    made = schema(**members)()
    guard_dumping(levels_of(made))
    return made


def is_refused(field: fields.Field[Any], value: object) -> bool:
    """Whether a guarded field refuses a value."""
    try:
        guarded(field=field).load({"field": value})
    except ValidationError:
        return True
    return False


class Recorder:
    """A validator that counts how often it is asked."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self, value: object) -> object:
        self.asked += 1
        return self.answer


@pytest.mark.parametrize(
    "field",
    [
        fields.String(validate=Recorder(answer=False)),
        fields.String(validate=[validate.Length(max=9), Recorder(answer=False)]),
        fields.String(validate=validate.And(validate.Length(max=9), Recorder(answer=False))),
        fields.String(validate=lambda value: value.startswith("y")),
        fields.List(fields.String(), validate=Recorder(answer=False)),
    ],
)
def test_gate_refuses_what_a_validator_answers_false_to(field: fields.Field[Any]) -> None:
    """Marshmallow throws the answer away; here it counts, also inside `And`."""

    assert is_refused(field, ["x"] if isinstance(field, fields.List) else "x")


@pytest.mark.parametrize("answer", [None, True, 0, "", "x"])
def test_gate_takes_every_other_answer_for_consent(answer: object) -> None:
    """Only False is a verdict; many validators return nothing, or the value."""

    assert not is_refused(fields.String(validate=Recorder(answer=answer)), "x")


def test_gate_lets_false_be_a_value() -> None:
    """Marshmallow's own validators return the value, and False is a good one."""

    assert not is_refused(fields.Boolean(validate=validate.Equal(comparable=False)), False)


@pytest.mark.parametrize("where", ["items", "item", "tuple", "key", "value", "nested"])
def test_gate_stands_at_every_depth(where: str) -> None:
    """In lists, tuples, dicts and nested schemas, on keys as on values."""
    no = fields.String(validate=Recorder(answer=False))
    outer: dict[str, tuple[fields.Field[Any], object]] = {
        "items": (fields.List(no), ["x"]),
        "item": (fields.List(fields.List(no)), [["x"]]),
        "tuple": (fields.Tuple((no,)), ["x"]),
        "key": (fields.Dict(keys=no, values=fields.String()), {"x": "x"}),
        "value": (fields.Dict(keys=fields.String(), values=no), {"x": "x"}),
        "nested": (fields.Nested(schema(inner=no)), {"inner": "x"}),
    }

    assert is_refused(*outer[where])


def test_gate_refuses_what_methods_answer_false_to() -> None:
    """`@validates` and `@validates_schema` count as well."""

    class ByField(Schema):
        class Meta:
            register = False

        x = fields.String()

        @validates("x")
        def judge(self, value: str, data_key: str) -> bool:
            return value == "right"

    class BySchema(Schema):
        class Meta:
            register = False

        x = fields.String()

        @validates_schema
        def judge(self, data: dict[str, str], **kwargs: Any) -> bool:
            return data["x"] == "right"

    for kind in (ByField, BySchema):
        made = kind()
        guard_loading(levels_of(made))
        guard_loading(levels_of(made))

        assert {"x": "right"} == made.load({"x": "right"})
        with pytest.raises(ValidationError):
            made.load({"x": "wrong"})


def test_gate_ends_at_the_first_refusal() -> None:
    """No validator of the application sees a text that is too long, wherever it was listed."""
    recorder = Recorder()
    field = fields.String(validate=[recorder, validate.Regexp(r"(x+x+)+y\Z"), validate.Length(max=5)])

    assert is_refused(field, "x" * 60_000)
    assert 0 == recorder.asked


def test_gate_counts_items_before_it_looks_at_them() -> None:
    """A list, dict or list of schemas that is too long is refused unread."""
    recorder = Recorder()
    inner = fields.String(validate=recorder)
    most = validate.Length(max=2)
    too_long: list[tuple[fields.Field[Any], object]] = [
        (fields.List(inner, validate=most), ["x"] * 3),
        (fields.Dict(keys=inner, values=inner, validate=most), {"a": "x", "b": "x", "c": "x"}),
        (fields.Nested(schema(x=inner), many=True, validate=most), [{"x": "x"}] * 3),
    ]

    assert [True] * 3 == [is_refused(field, value) for field, value in too_long]
    assert 0 == recorder.asked
    assert not is_refused(fields.List(inner, validate=most), ["x"] * 2)
    assert is_refused(fields.List(inner, validate=most), "xyz")


def test_gate_counts_the_fields_of_one_object_as_marshmallow_does() -> None:
    """Defaults are among them, so it is counted when it has been read."""
    inner = schema(x=fields.String(), y=fields.String(load_default="y"))

    assert not is_refused(fields.Nested(inner, validate=validate.Length(min=2)), {"x": "x"})


@pytest.mark.parametrize("value", ["a\0b", "\0", "\ud800", "x\udfff"])
@pytest.mark.parametrize(
    "field",
    [
        fields.String(),
        fields.Raw(),
        fields.Field(),
        fields.Function(deserialize=str),
        fields.Dict(),
    ],
    ids=lambda field: type(field).__name__,
)
def test_gate_refuses_unprintable_text(field: fields.Field[Any], value: str) -> None:
    """NUL and lone surrogates, in a text or at any depth of what has no schema, in keys as in values."""

    assert is_refused(field, {value: "x"} if isinstance(field, fields.Dict) else value)
    if not isinstance(field, (fields.String, fields.Function)):
        assert is_refused(field, {"x": [{"y": ("z", value)}]})


def test_gate_refuses_unprintable_text_in_half_a_dict() -> None:
    """Where only the keys or only the values are declared, the others are looked at as well."""
    halves = [fields.Dict(keys=fields.String()), fields.Dict(values=fields.String())]

    assert [True, True] == [is_refused(half, {"x": "\0"}) for half in halves]
    assert [True, True] == [is_refused(half, {"\0": "x"}) for half in halves]


@pytest.mark.parametrize("value", ["", "x", "é", "😀", "a\tb\n", "\x01", "\u202e"])
def test_gate_lets_text_pass(value: str) -> None:
    """Everything else is text; what may be shown is for whoever shows it."""

    assert not is_refused(fields.String(), value)


def test_gate_lets_nul_pass_where_a_field_says_so() -> None:
    """`allow_nul` is for NUL; a lone surrogate could not be written again."""
    field = fields.String(metadata={"allow_nul": True})

    assert [False, True] == [is_refused(field, value) for value in ("a\0b", "\ud800")]


def test_gate_does_not_follow_a_value_for_ever() -> None:
    """A value that holds itself, which only the server could make, is refused."""
    loop: list[object] = []
    loop.append(loop)

    assert is_refused(fields.Raw(), loop)


@pytest.mark.parametrize("value", ["__module__", "__class__", "mro", "name", "RED "])
def test_gate_takes_only_members_of_an_enumeration(value: str) -> None:
    """Marshmallow 4.1 looks names up as attributes."""

    assert is_refused(fields.Enum(Color), value)


def test_gate_checks_that_a_value_is_a_member() -> None:
    """Whatever the field read, an attribute of the enumeration is no member."""
    gate = Gate(fields.Enum(Color))
    gate(Color.RED)

    with pytest.raises(ValidationError):
        gate(Color.__module__)


@pytest.mark.parametrize("kind", [fields.IP, fields.IPv6, fields.IPv6Interface])
def test_gate_refuses_zones(kind: type[fields.Field[Any]]) -> None:
    """The zone of an IPv6 address may be of any length, and names nothing beyond one machine."""

    assert [True, False] == [is_refused(kind(), value) for value in ("fe80::1%" + "x" * 9_000, "fe80::1")]
    assert ipaddress.ip_address("127.0.0.1") == guarded(ip=fields.IP()).load({"ip": "127.0.0.1"})["ip"]


def test_gate_keeps_what_a_field_validates_itself() -> None:
    """A field class with a `_validate` of its own is still asked, and its validators too."""

    class Even(fields.Integer):
        def _validate(self, value: Any) -> None:
            super()._validate(value)
            if value % 2:
                raise ValidationError("odd")

    assert [False, True, True] == [is_refused(Even(validate=validate.Range(max=5)), value) for value in (4, 3, 6)]


def test_gate_leaves_the_class_alone() -> None:
    """The application's own instances behave as marshmallow's do, and a second time changes nothing."""
    kind = schema(x=fields.String(validate=Recorder(answer=False)))
    made = kind()
    guard_loading(levels_of(made))
    before = dict(vars(made.fields["x"]))
    guard_loading(levels_of(made))

    assert {"x": "y"} == kind().load({"x": "y"})
    assert before == vars(made.fields["x"])


# --- out ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [object(), 5, {"a": 1}, b"x", ["x"], True])
def test_gate_sends_text_only_from_text(value: object) -> None:
    """Marshmallow would send `str()` of whatever a handler puts there."""
    with pytest.raises(ValidationError):
        sending(x=fields.String()).dump({"x": value})
    with pytest.raises(ValidationError):
        sending(x=fields.List(fields.Nested(schema(y=fields.String())))).dump({"x": [{"y": value}]})


def test_gate_sends_text_and_nothing() -> None:
    """Text and None are written as they are."""

    assert {"x": "y", "z": None} == sending(x=text(), z=text(allow_none=True)).dump({"x": "y", "z": None})


@pytest.mark.parametrize("name", ["items", "keys", "values", "copy", "get", "pop"])
def test_gate_reads_keys_and_never_methods(name: str) -> None:
    """A field that happens to be called as a method of dict is absent where its key is."""
    own: dict[str, Any] = {name: fields.Raw()}
    made = sending(**own, inner=fields.Nested(schema(**own)))

    assert {"inner": {}} == made.dump({"inner": {}})
    assert {name: 1} == made.dump({name: 1})


def test_gate_reads_objects_and_paths_as_marshmallow_does() -> None:
    """What is no mapping has attributes, and a dotted `attribute` is a path."""

    class Line:
        room = "lobby"

    made = sending(room=fields.String(), deep=fields.String(attribute="a.b"))

    assert {"room": "lobby"} == made.dump(Line())
    assert {"deep": "x"} == made.dump({"a": {"b": "x"}})


def test_gate_keeps_what_a_class_does_itself() -> None:
    """A schema with a `get_attribute`, or a field with a `_serialize`, of its own keeps it."""

    class Shouting(fields.String):
        def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
            return f"{value}!"

    def get_attribute(self: Schema, obj: Any, attr: str, default: Any) -> Any:
        return f"{attr} of {obj}"

    assert {"x": "5!"} == sending(x=Shouting()).dump({"x": 5})
    assert {"x": "x of it"} == sending(x=fields.String(), get_attribute=get_attribute).dump("it")


def test_gate_knows_its_own_methods_from_others() -> None:
    """What an application has put in place of a method is none of ours."""
    ours, theirs = sending(x=fields.String()).fields["x"], sending(x=fields.String()).fields["x"]
    vars(theirs)["_serialize"] = str

    assert (("_serialize",), ()) == (writing_gate(ours), writing_gate(theirs))


@pytest.mark.parametrize("method", ["deserialize", "_validated", "_deserialize"])
def test_gate_counts_for_no_field_that_reads_otherwise(method: str) -> None:
    """Where one method is replaced nobody knows what is read."""
    field = guarded(x=fields.List(text(), validate=validate.Length(max=2))).fields["x"]
    before = lengths_of(field)
    vars(field)[method] = list

    assert (1, None) == (len(before or ()), lengths_of(field))
