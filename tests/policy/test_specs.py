"""Declarations made ready: what is loaded, what is sent, and what a permission is filled from."""

import datetime as dt
import enum
import traceback
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, post_load, pre_dump, validate, validates_schema

from tornado_wssec.errors import ConfigurationError, InvalidMessage, OutboundInvalid
from tornado_wssec.policy.fields import StrictDateTime, StrictInteger
from tornado_wssec.policy.registry import ChannelSpec, MessageSpec, Registry

from .samples import TYPE, channel, message, schema, text


class Color(enum.Enum):
    """An enumeration in a permission."""

    RED = "red"


def spec(meta: dict[str, Any] | None = None, **members: Any) -> MessageSpec:
    """A message with these fields, compiled."""
    return next(iter(Registry(message(meta, **members), strict=False).messages.values()))


def refusal(found: MessageSpec, data: dict[str, Any]) -> InvalidMessage:
    """The refusal of data that came in."""
    with pytest.raises(InvalidMessage) as caught:
        found.load(data)
    return caught.value


def unsent(found: MessageSpec, data: dict[str, Any]) -> str:
    """Why data is not sent."""
    with pytest.raises(OutboundInvalid) as caught:
        found.dump(data)
    return str(caught.value)


# --- in -----------------------------------------------------------------------------


def test_spec_loads_what_fits() -> None:
    """Defaults are filled in, and values have the types of their fields."""
    found = spec(at=StrictDateTime(required=True), n=StrictInteger(load_default=7), room=text(data_key="in"))
    at = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)

    assert {"at": at, "n": 7, "room": "x"} == found.load({"at": "2026-01-31T12:00:00Z", "in": "x"})


def test_spec_loads_without_functions_of_its_own() -> None:
    """What marshmallow answers is the answer."""
    found = Registry(message(room=text()), strict=False, compiled=False).messages[TYPE]

    assert {"room": "x"} == found.load({"room": "x"})


def test_spec_refuses_what_does_not_fit() -> None:
    """The peer is told the fields; the audit is told the type, too, and no name that only the peer has used."""
    error = refusal(spec(room=text(), n=StrictInteger()), {"n": "1", "secret": 1})

    assert {
        "n": ["Not a valid integer."],
        "room": ["Missing data for required field."],
        "secret": ["Unknown field."],
    } == (error.fields)
    assert "sample.message: (other), n, room" == error.evidence


@pytest.mark.parametrize("data", [[], None, "x", 1, [{}]])
def test_spec_loads_objects_only(data: Any) -> None:
    """Whatever else comes is invalid."""

    assert {"_schema": ["Invalid input type."]} == refusal(spec(), data).fields


@pytest.mark.parametrize(
    "crash", [KeyError("secret"), ZeroDivisionError("secret"), RecursionError("secret"), MemoryError()]
)
def test_spec_takes_a_crash_for_a_refusal(crash: Exception) -> None:
    """A validator that raises whatever it likes refuses; the evidence says where, and tells no value."""

    def crashes(value: object) -> None:
        raise crash

    error = refusal(spec(x=text(validate=crashes)), {"x": "secret"})

    assert None is error.fields
    assert error.evidence.startswith(f"sample.message: {type(crash).__name__} in test_spec_takes_a_crash_for_a_refusal")
    assert "secret" not in error.evidence


def test_spec_survives_endless_recursion() -> None:
    """A validator that calls itself ends as any other crash."""

    def endless(value: Any) -> Any:
        return endless(value)

    assert "RecursionError" in refusal(spec(x=text(validate=endless)), {"x": "y"}).evidence


def test_spec_does_not_swallow_an_interrupt() -> None:
    """What is no error of the validation ends the program, as it should."""

    def interrupts(value: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spec(x=text(validate=interrupts)).load({"x": "y"})


def test_spec_refusals_keep_no_data() -> None:
    """Nothing that a traceback holds on to contains what the peer sent."""

    def crashes(value: object) -> None:
        raise KeyError(value)

    for field in (text(validate=crashes), text(validate=validate.Equal("other"))):
        error = refusal(spec(x=field), {"x": "se" + "cret"})

        assert (None, None) == (error.__context__, error.__cause__)
        assert "secret" not in "".join(traceback.format_exception(error)) + str(error.fields)


def test_spec_refuses_what_a_validator_answers_false_to() -> None:
    """Also where no start has seen it."""

    assert {"x": ["Invalid value."]} == refusal(
        spec(x=text(validate=lambda value: value.strip().isalpha())), {"x": "1"}
    ).fields


def test_spec_hands_on_a_dict() -> None:
    """What a `post_load` makes of the data may be another dict, and nothing else."""
    good = spec(x=text(), make=post_load(lambda self, data, **kwargs: {**data, "made": True}))
    bad = spec(x=text(), make=post_load(lambda self, data, **kwargs: object()))

    assert {"x": "y", "made": True} == good.load({"x": "y"})
    assert "sample.message: post_load returned a object, not a dict" == refusal(bad, {"x": "y"}).evidence


def test_spec_refuses_prototype_names() -> None:
    """Names that mean something to JavaScript or Python are unknown fields like any other."""
    names = ["__class__", "__proto__", "_schema", "constructor"]

    assert names == list(refusal(spec(), dict.fromkeys(names, 1)).fields or ())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
WHOLE = spec(
    room=text(),
    n=StrictInteger(),
    tags=fields.List(text()),
    style=fields.Nested(schema(x=StrictInteger())),
    table=fields.Dict(keys=text(), values=text()),
)


@given(st.dictionaries(st.sampled_from(["room", "n", "tags", "style", "table"]) | st.text(), values, max_size=6))
def test_spec_fails_in_no_other_way(data: dict[str, Any]) -> None:
    """Whatever JSON holds is loaded, or is InvalidMessage."""
    try:
        loaded = WHOLE.load(data)
    except InvalidMessage as error:
        loaded = dict(error.fields or {})

    assert loaded


# --- out ----------------------------------------------------------------------------


def test_spec_dumps_for_json() -> None:
    """Values are written as the wire has them, under the names of the wire."""
    found = spec(
        {"direction": "out"}, at=StrictDateTime(), id=fields.UUID(), room=text(data_key="in"), n=StrictInteger()
    )
    made = uuid.UUID(int=7)
    data = {"at": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), "id": made, "room": "x"}

    assert {"at": "2026-01-31T12:00:00+00:00", "id": str(made), "in": "x"} == found.dump(data)


@pytest.mark.parametrize(
    ("data", "evidence"),
    [
        ({}, "room"),
        ({"room": None}, "room"),
        ({"room": "x" * 33}, "room"),
        ({"room": "a\0"}, "room"),
        ({"room": "x", "n": "1"}, "_schema"),
        ({"room": "x", "n": 2**60}, "_schema"),
        ({"room": "x", "tags": "abc"}, "tags"),
        ({"room": "x", "tags": 7}, "TypeError in List._serialize"),
        ({"room": "x", "at": "2026"}, "AttributeError"),
        ({"room": object()}, "_schema"),
    ],
)
def test_spec_does_not_send_what_does_not_fit(data: dict[str, Any], evidence: str) -> None:
    """The text names the field or the crash. It is our mistake and no FrameError, so no peer is told of it."""
    tags = fields.List(text(), validate=validate.Length(max=2))
    found = spec({"direction": "out"}, room=text(), n=StrictInteger(), tags=tags, at=fields.Date(format="%Y"))

    assert unsent(found, data).startswith(f"sample.message as sent by the application: {evidence}")


def test_spec_does_not_send_what_is_not_declared() -> None:
    """A field that the schema does not have is refused rather than dropped; its value is not told."""
    found = spec({"direction": "out"}, room=text(attribute="place"), deep=fields.String(attribute="a.b"))

    assert {"room": "x"} == found.dump({"place": "x"})
    assert {"room": "x", "deep": "y"} == found.dump({"place": "x", "a": {"b": "y"}})
    assert "sample.message declares no password_hash, room" == unsent(found, {"room": "x", "password_hash": "secret"})
    assert len(unsent(found, {"x" * 900: 1})) < 300


@pytest.mark.parametrize("data", [None, [], "x", object()])
def test_spec_sends_mappings_only(data: Any) -> None:
    """What has no keys has no fields."""

    assert "not a dict" in unsent(spec({"direction": "out"}, room=text()), data)


def test_spec_leaves_hooks_to_say_what_they_take() -> None:
    """With a `pre_dump` of the application any key may come."""
    found = spec(
        {"direction": "out"}, room=text(), cut=pre_dump(lambda self, data, **kwargs: {"room": data["long"][:3]})
    )

    assert {"room": "abc"} == found.dump({"long": "abcdef"})


def test_spec_checks_what_only_the_server_writes() -> None:
    """A `dump_only` field is checked when it is sent, though no client may send it, in nested schemas too."""
    inner = schema(score=StrictInteger(dump_only=True, validate=validate.Range(0, 9)))
    found = spec({"direction": "both"}, author=text(dump_only=True), inner=fields.Nested(inner))

    assert {"author": "ann", "inner": {"score": 9}} == found.dump({"author": "ann", "inner": {"score": 9}})
    assert "author" in unsent(found, {"author": "x" * 33})
    assert "inner" in unsent(found, {"author": "x", "inner": {"score": 10}})
    assert {"author": ["Unknown field."]} == refusal(found, {"author": "ann"}).fields


def test_spec_does_not_ask_for_what_it_does_not_send() -> None:
    """A `load_only` field is for the way in."""
    found = spec({"direction": "both"}, room=text(), nonce=text(load_only=True))

    assert {"room": "x"} == found.dump(found.load({"room": "x", "nonce": "y"}))


def test_spec_runs_the_validators_of_the_schema_when_it_sends() -> None:
    """What holds for the message as a whole holds in both directions."""

    def judge(self: Schema, data: dict[str, Any], **kwargs: Any) -> None:
        if data["a"] == data["b"]:
            raise ValidationError("secret")

    found = spec({"direction": "both"}, a=text(), b=text(), judge=validates_schema(judge))

    assert {"a": "x", "b": "y"} == found.dump({"a": "x", "b": "y"})
    assert "sample.message as sent by the application: _schema" == unsent(found, {"a": "x", "b": "x"})


def test_spec_sends_only_objects() -> None:
    """A `post_dump` cannot make something else of it."""

    class Odd(message(x=text())):  # type: ignore[misc]  # made on the spot
        class Meta:
            type = TYPE
            permission = "a:b"
            register = False

        def dump(self, obj: Any, *, many: bool | None = None) -> Any:
            return []

        def validate(self, data: Any, **kwargs: Any) -> Any:
            return {}

    assert unsent(Registry(Odd).messages[TYPE], {"x": "y"})


# --- permissions --------------------------------------------------------------------


def test_spec_fills_permissions_from_what_was_loaded() -> None:
    """By the names of the template, whatever the wire or the handler call the fields."""
    members = {"room": text(data_key="in", attribute="place"), "color": fields.Enum(Color, required=True)}
    found = spec({"permission": "a:{room}:{color}"}, **members)
    loaded = found.load({"in": "lobby", "color": "RED"})

    assert {"room": "lobby", "color": Color.RED} == found.permission_values(loaded)
    assert found.permission is not None
    assert "a:lobby:red" == found.permission.fill(found.permission_values(loaded))


def test_spec_without_fields_in_its_permission_needs_none() -> None:
    """There is nothing to fill in."""

    assert {} == spec(x=text()).permission_values({"x": "y"})


def test_spec_binds_fields_as_the_wire_calls_them() -> None:
    """The field may be named either way; it is compared and filled in before it is loaded."""
    found = [spec({"bind": {name: "sub"}}, user=text(data_key="userId")).bind for name in ("user", "userId")]

    assert [{"userId": "sub"}] * 2 == found


# --- compiling ----------------------------------------------------------------------


def test_spec_of_one_message() -> None:
    """A declaration can be compiled alone, and says all that is wrong with it where it cannot."""

    assert TYPE == MessageSpec.of(message(x=text())).type
    with pytest.raises(ConfigurationError, match="2 problems"):
        MessageSpec.of(message({"permission": None, "cost": 0}))
    with pytest.raises(ConfigurationError, match=r"Meta\.type: is None"):
        MessageSpec.of(message({"type": None}))


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"a": text(data_key="x"), "b": text(data_key="x")}, "cannot be built: ValueError"),
        ({"a": fields.Nested("NoSuchSchemaAnywhere")}, "cannot be built: RegistryError"),
        ({"a": fields.Nested(object())}, "cannot be built: ValueError"),  # type: ignore[arg-type]  # the fault itself
    ],
)
def test_spec_of_a_schema_that_cannot_be_built(members: dict[str, Any], fault: str) -> None:
    """It is a problem of the declaration, and there is no type of that name meanwhile."""
    for declared in (message(**members), channel({"pattern": "room"}, **members)):
        registry = Registry(declared)

        assert [True] == [problem.fault.startswith(fault) for problem in registry.problems()]
        assert (0, 0) == (len(registry.messages), len(registry.channels))


def test_spec_is_a_value_that_does_not_change() -> None:
    """It is shared by all connections, and prints what was declared."""
    found = spec({"permission": "a:{x}"}, x=text())

    with pytest.raises(AttributeError):
        found.cost = 0  # type: ignore[misc]
    with pytest.raises(TypeError):
        found.bind["x"] = "sub"  # type: ignore[index]
    assert not [
        name for name in ("_loader", "_ways", "_dumper", "_reasons", "_keys", "_sendable") if name in repr(found)
    ]


# --- channels -----------------------------------------------------------------------


def kind(meta: dict[str, Any] | None = None, **members: Any) -> ChannelSpec:
    """A channel with these fields, compiled."""
    (found,) = Registry(channel(meta, **members), strict=False).channels
    return found


def test_channel_matches_and_validates() -> None:
    """The fields of the name are loaded by the fields of the declaration."""
    rooms = kind(room=text(validate=validate.Regexp(r"[a-z]{1,9}\Z")))

    assert {"room": "lobby"} == rooms.match("room:lobby")
    assert [None] * 5 == [
        rooms.match(name) for name in ("room:1", "room:", "room:lobbies-to-let", "room", "board:lobby")
    ]


def test_channel_has_one_name() -> None:
    """A spelling that its field would write otherwise is no name: else two channels had one permission."""
    found = kind(room=fields.UUID())
    name = "0f8fad5b-d9cb-469f-a165-70867728950e"

    assert {"room": uuid.UUID(name)} == found.match(f"room:{name}")
    assert [None, None] == [found.match(f"room:{other}") for other in (name.replace("-", ""), "-".join(name))]


def test_channel_fields_that_crash_match_nothing() -> None:
    """No match means no."""

    def crashes(value: object) -> None:
        raise KeyError(value)

    assert None is kind(room=text(validate=crashes)).match("room:lobby")
    assert None is kind(room=text(), make=post_load(lambda self, data, **kwargs: None)).match("room:lobby")


def test_channel_without_fields() -> None:
    """A pattern may be a name."""

    assert {} == kind({"pattern": "news"}).match("news")


@pytest.mark.parametrize("option", ["pattern", "subscribe"])
def test_channel_that_nobody_could_listen_to(option: str) -> None:
    """What is not declared in full is no channel meanwhile."""

    assert () == Registry(channel({option: None}, room=text())).channels


def test_spec_knows_the_names_on_the_wire() -> None:
    """A flat envelope asks for them, since it has names of its own."""

    assert {"in", "n"} == spec(room=text(data_key="in"), n=StrictInteger()).wire_names


# --- what a message is the newest of ---


def test_spec_knows_what_a_message_is_the_newest_of() -> None:
    """The same values on the same channel have one key; any other value, channel or type has another."""
    found = spec({"direction": "out", "coalesce": "{symbol}"}, symbol=text(data_key="s"), price=StrictInteger())

    def key(symbol: str, channel: str | None = "market:x", of: MessageSpec = found) -> str | None:
        return of.key_of(of.dump({"symbol": symbol, "price": 1}), channel)

    other = spec({"type": "other", "direction": "out", "coalesce": "{symbol}"}, symbol=text(), price=StrictInteger())
    keys = [key("A"), key("B"), key("A", "market:y"), key("A", None), other.key_of({"symbol": "A"}, "market:x")]
    assert key("A") == key("A")
    assert len(keys) == len(set(keys))


def test_spec_without_a_key_is_the_newest_of_nothing() -> None:
    """Messages of other policies have none."""

    assert None is spec({"direction": "out", "overflow": "drop_oldest"}).key_of({}, "market:x")
