"""The fast way through the pipeline and the readable one: the same outcome and the same charges, frame by frame."""

import ast
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from marshmallow import fields, validate

import tornado_wssec
from tornado_wssec import StrictInteger
from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.errors import Disconnect, FrameDropped, FrameError, MalformedFrame, RateLimited
from tornado_wssec.policy.codec import Envelope, Incoming
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.permissions import PASSED_MOST, PUBLIC, Grants
from tornado_wssec.policy.permitted import Permitted
from tornado_wssec.policy.pipeline import Pipeline
from tornado_wssec.policy.rates import TokenBucket
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.policy.swift import Swift, as_permitted
from tornado_wssec.settings import Limits

ROUNDS = 6_000


class Say(Message):
    """One line to a room."""

    class Meta:
        type = "say"
        permission = "chat:write:{room}"
        rate = "40/second"

    room = fields.String(required=True, validate=validate.Length(1, 80))
    text = fields.String(validate=validate.Length(max=200))
    number = StrictInteger()


class Move(Message):
    """A permission of two fields, two rates, and a price."""

    class Meta:
        type = "move"
        permission = "board:{board}:move:{piece}"
        rate = "30/second, 100/minute"
        cost = 2
        max_bytes = 120

    board = fields.String(required=True, validate=validate.Length(1, 20))
    piece = StrictInteger(required=True)


class Look(Message):
    """A permission of no field."""

    class Meta:
        type = "look"
        permission = "board:look"


class Wave(Message):
    """What everybody may."""

    class Meta:
        type = "wave"
        permission = PUBLIC


class Own(Message):
    """A field that is bound to a claim."""

    class Meta:
        type = "own"
        permission = PUBLIC
        bind = MappingProxyType({"user": "sub"})

    user = fields.String(required=True, validate=validate.Length(1, 20))


class Fresh(Message):
    """What asks for a recent authentication."""

    class Meta:
        type = "fresh"
        permission = PUBLIC
        max_auth_age = 60.0


DECLARED = (Say, Move, Look, Wave, Own, Fresh)
REGISTRY = Registry(*DECLARED)
LIMITS = Limits(
    message_bytes=400,
    frames_per_second=50,
    frames_burst=60,
    bytes_per_second=4_000,
    bytes_burst=5_000,
    identity_messages_per_second=60,
    identity_messages_burst=70,
)
GRANTS = ("chat:write:lobby", "chat:write:x", "chat:write:a:b", "board:*:move:7", "board:look")


def pipeline(envelope: Envelope, *, is_swift: bool) -> Pipeline:
    """All the types, with the fast way or without."""
    made = Pipeline({kind.opts.type: REGISTRY.resolve(kind.opts.type) for kind in DECLARED}, envelope, LIMITS)
    assert made._swift is not None
    if not is_swift:
        made._swift = None
    return made


def session(*grants: str) -> Session:
    """A fresh one, of somebody with these grants."""
    return Session("s1", Identity(subject="ann", permissions=Grants(grants)), LIMITS, Account(LIMITS, 0.0), 0.0)


def twins(chance: random.Random, now: float) -> tuple[Session, Session]:
    """Two sessions of the same state, one for each way."""
    both = session(*GRANTS), session(*GRANTS)
    in_doubt, proved_at = chance.random() < 0.2, now - chance.choice((0.0, 100.0))
    for one in both:
        one.is_in_doubt, one.authenticated_at = in_doubt, proved_at
    return both


def owed(one: Session) -> list[Any]:
    """Everything that a session and its account have been charged."""
    budgets: dict[Any, Any] = {**one.account.by_type}
    types = {name: [part.full_at for part in getattr(each, "_parts", (each,))] for name, each in budgets.items()}
    return [
        *[round(bucket.full_at, 9) for bucket in (one.frames, one.bytes, one.account.messages)],
        {name: [round(each, 9) for each in parts] for name, parts in types.items()},
        one._refusals,
    ]


def outcome(way: Pipeline, one: Session, frame: str, now: float) -> Any:
    """What became of a frame, in a form that can be compared."""
    try:
        permitted = way.admit(frame, one, now)
    except FrameError as error:
        wait = None if error.retry_after is None else round(error.retry_after, 9)
        return type(error), error.message_id, error.evidence, error.fields, wait
    except (FrameDropped, Disconnect) as error:
        return type(error), str(error)
    assert permitted.identity is one.identity
    return permitted.spec, permitted.id, permitted.data, permitted.wire, permitted.signed_by


def texts(chance: random.Random, envelope: Envelope) -> Iterator[str]:
    """Frames that are good, nearly good and bad."""
    rooms = ["lobby", "lobby", "x", "a:b", "*", "..", "lobby ", "é", "", "a" * 90, 7, None, True, ["lobby"]]
    kinds = ["say", "say", "say", "move", "look", "wave", "own", "fresh", "none", 3]
    while True:
        kind = chance.choice(kinds)
        data: dict[str, Any] = {}
        if kind == "say":
            data = {"room": chance.choice(rooms[: chance.choice((2, len(rooms)))])}
            if chance.random() < 0.5:
                data["text"] = chance.choice(["hello", 'a "quote"', "\0", "é" * 50, "x" * 300, 5, "\\"])
            if chance.random() < 0.3:
                data["number"] = chance.choice([1, 2**53, 2**60, 1.5, "1", True])
        elif kind == "move":
            data = {"board": chance.choice(["b1", "b:1", "é"]), "piece": chance.choice([7, 8, -7, True, 7.0])}
            data |= {"board": "b" * 100} if chance.random() < 0.05 else {}
        elif kind == "own":
            data = chance.choice([{}, {"user": "ann"}, {"user": "bob"}])
        if chance.random() < 0.05:
            data["extra"] = 1
        head: dict[str, Any] = {"type": kind}
        if chance.random() < 0.7:
            head["id"] = chance.choice(["1", "i" * 64, "i" * 65, 5, "é"])
        whole = {**head, **data} if envelope.is_flat else {**head, "data": data}
        text = json.dumps(whole, ensure_ascii=chance.random() < 0.5)
        if chance.random() < 0.05:
            text = text[: chance.randrange(len(text))]
        elif chance.random() < 0.05:
            text = text.replace('"room"', '"room": "x", "room"').replace('"id"', '"id": "2", "id"')
        yield text


@pytest.mark.parametrize("envelope", [Envelope(), Envelope.flat()])
def test_swift_and_readable_way_agree(envelope: Envelope) -> None:
    """On what is admitted and refused, in which words, and on every charge; whatever budget is running out."""
    chance = random.Random(20)
    ways = pipeline(envelope, is_swift=True), pipeline(envelope, is_swift=False)
    now, seen, ours = 0.0, set(), twins(chance, 0.0)
    for text, _ in zip(texts(chance, envelope), range(ROUNDS), strict=False):
        now += 3.0 if chance.random() < 0.01 else chance.choice((0.0, 0.001, 0.02))
        fast, slow = [outcome(way, one, text, now) for way, one in zip(ways, ours, strict=True)]
        assert fast == slow, text
        assert owed(ours[0]) == owed(ours[1]), text
        seen.add(fast[0] if isinstance(fast[0], type) else fast[0].type)
        if chance.random() < 0.005:
            ours = twins(chance, now)

    assert {"say", "move", "look", "wave", "own", "fresh", RateLimited, FrameDropped} <= seen
    assert len(seen) >= 13


def outcomes(way: Pipeline, one: Session, frames: list[str], now: float) -> list[Any]:
    """What became of frames that came together."""
    found = []
    for frame, passed in zip(frames, way.admit_swiftly(frames, one, now), strict=True):
        if passed is None:
            found.append(outcome(way, one, frame, now))
        else:
            permitted = as_permitted(passed)
            assert permitted.identity is one.identity
            found.append((permitted.spec, permitted.id, permitted.data, permitted.wire, permitted.signed_by))
    return found


@pytest.mark.parametrize("is_swift", [True, False])
def test_swift_together_and_one_by_one_agree(is_swift: bool) -> None:
    """Frames that come together have the outcomes and the charges of the same frames one after another."""
    chance, envelope = random.Random(21), Envelope()
    together, readable = pipeline(envelope, is_swift=is_swift), pipeline(envelope, is_swift=False)
    now, source, ours = 0.0, texts(chance, envelope), twins(chance, 0.0)
    for _ in range(400):
        now += chance.choice((0.0, 0.1, 3.0))
        frames = [next(source) for _ in range(chance.randrange(1, 17))]
        assert outcomes(together, ours[0], frames, now) == [outcome(readable, ours[1], each, now) for each in frames]
        assert owed(ours[0]) == owed(ours[1]), frames
        if chance.random() < 0.1:
            ours = twins(chance, now)


@pytest.mark.parametrize("which", ["messages", "own"])
def test_swift_goes_on_behind_what_cannot_be_paid(which: str) -> None:
    """Each that comes together asks for itself, and what another type still has is not kept from it."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    say, look = '{"type":"say","data":{"room":"lobby"}}', '{"type":"look","data":{}}'
    way.admit(say, one, 0.0)  # which opens the account for the type
    (own,) = one.account.by_type.values()
    assert isinstance(own, TokenBucket)
    (own if which == "own" else one.account.messages).full_at = 1e9
    found = [permitted is not None for permitted in way.admit_swiftly([say, say, look], one, 0.0)]

    assert [False, False, which == "own"] == found


def test_swift_asks_each_of_several_rates() -> None:
    """A type with two is let pass while both have room, and left to the readable way when one has none."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    move = '{"type":"move","data":{"board":"b1","piece":7}}'
    way.admit(move, one, 0.0)  # which opens the account for the type
    found = [passed is not None for passed in way.admit_swiftly([move] * 20, one, 0.0)]

    assert [True] * 14 + [False] * 6 == found


def test_swift_looks_again_before_each() -> None:
    """What the handler of one has done counts for the next: rights, doubts, a close."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    frames = ['{"type":"look","data":{}}'] * 6
    found = []
    for number, permitted in enumerate(way.admit_swiftly(frames, one, 0.0)):
        found.append(permitted is not None)
        if number == 0:
            one.identity = Identity(subject="ann", permissions=Grants(()))
        elif number == 1:
            one.identity = Identity(subject="ann", permissions=Grants(("board:look",)))
        elif number == 2:
            one.is_in_doubt = True
        elif number == 3:
            one.is_in_doubt = False
        elif number == 4:
            one.close = Close(CloseCode.REVOKED)

    assert [True, False, True, False, True, False] == found


def test_swift_takes_what_nearly_all_messages_are() -> None:
    """The readable way is not even asked."""
    way = pipeline(Envelope(), is_swift=True)
    assert way._swift is not None
    frames = ['{"type":"say","data":{"room":"lobby"}}', '{"type":"look","data":{}}', '{"type":"wave","data":{}}']
    one = session(*GRANTS)
    for frame in frames:
        way.admit(frame, one, 0.0)  # which opens the account for the type

    assert [True] * len(frames) == [type(way._swift.admitted(frame, one, 1.0)) is Permitted for frame in frames]


def test_swift_leaves_alone_what_asks_for_more() -> None:
    """A bound field and the age of an authentication are looked at where they can be read."""
    way = pipeline(Envelope(), is_swift=True)
    assert way._swift is not None
    frames = ['{"type":"own","data":{"user":"ann"}}', '{"type":"fresh","data":{}}']

    assert [None, None] == [way._swift.admitted(frame, session(), 0.0) for frame in frames]


def test_swift_is_none_where_no_type_can_take_it() -> None:
    """As without msgspec."""

    assert Swift.of({"own": REGISTRY.resolve("own")}, Envelope(), LIMITS) is None


def test_swift_charges_a_type_and_none_of_its_name() -> None:
    """Another endpoint of the same identity may declare one that is called the same, with a rate of its own."""
    elsewhere = type("Say", (Say,), {"Meta": type("Meta", (Say.Meta,), {"rate": "2/minute"})})
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    other = Pipeline({"say": MessageSpec.of(elsewhere)}, Envelope(), LIMITS)
    frame = '{"type":"say","data":{"room":"lobby"}}'
    for each in (way, other, other):
        each.admit(frame, one, 0.0)
    way.admit(frame, one, 0.0)

    with pytest.raises(RateLimited):
        other.admit(frame, one, 1.0)


def test_swift_is_none_where_an_envelope_reads_in_its_own_way() -> None:
    """What it would refuse, nobody else may take."""

    class Picky(Envelope):
        def parse(self, frame: str | bytes, limits: Limits) -> Incoming:
            raise MalformedFrame("not today")

    accepted = {"look": REGISTRY.resolve("look")}

    assert [True, False] == [Swift.of(accepted, one, LIMITS) is not None for one in (Envelope(), Picky())]


def test_swift_lets_the_readable_way_ask_for_the_money() -> None:
    """An empty budget is no message admitted, and nothing is charged twice."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    assert way._swift is not None
    frame = '{"type":"say","data":{"room":"lobby"}}'
    way.admit(frame, one, 0.0)
    taken = [way._swift.admitted(frame, one, 0.0) is not None for _ in range(50)]

    # Whether the last one of 40 still fits is a matter of rounding; `TOLERANCE` is the readable way's.
    assert [True] * 38 + [False] * 11 == [*taken[:38], *taken[39:]]
    assert (1 + sum(taken)) / 60 == pytest.approx(one.account.messages.full_at)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(frames_burst=2, frames_per_second=1),
        Limits(bytes_burst=80, bytes_per_second=1),
        Limits(identity_messages_burst=2, identity_messages_per_second=1),
    ],
)
def test_swift_takes_nothing_that_a_budget_has_no_room_for(limits: Limits) -> None:
    """Of the frame, of its bytes and of the identity; and then none of the others is charged."""
    way = pipeline(Envelope(), is_swift=True)
    one = Session("s1", session(*GRANTS).identity, limits, Account(limits, 0.0), 0.0)
    assert way._swift is not None
    frame = '{"type":"say","data":{"room":"lobby"}}'
    way.admit(frame, one, 0.0)
    taken = [way._swift.admitted(frame, one, 0.0) is not None for _ in range(2)]
    before = owed(one)

    assert ([True, False], None, before) == (taken, way._swift.admitted(frame, one, 0.0), owed(one))


def test_swift_takes_what_a_budget_just_holds() -> None:
    """To the last byte, and to the last message of a type's own rate: the readable way is not asked for that."""
    frame = '{"type":"say","data":{"room":"lobby"}}'
    limits = Limits(bytes_burst=len(frame), bytes_per_second=1)
    seldom = type("Say", (Say,), {"Meta": type("Meta", (Say.Meta,), {"rate": "1/second"})})
    for says, most in ((Say, limits), (seldom, LIMITS)):
        way = Pipeline({"say": MessageSpec.of(says)}, Envelope(), most)
        one = Session("s1", session(*GRANTS).identity, most, Account(most, 0.0), 0.0)
        assert way._swift is not None
        way.admit(frame, one, 0.0)
        at = float(len(frame))

        assert [True, False] == [way._swift.admitted(frame, one, at) is not None for _ in range(2)]


def test_swift_refuses_while_rights_are_in_doubt() -> None:
    """Also what it has let pass before."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    assert way._swift is not None
    frame = '{"type":"say","data":{"room":"lobby"}}'
    way.admit(frame, one, 0.0)
    assert way._swift.admitted(frame, one, 0.0) is not None
    one.is_in_doubt = True

    assert way._swift.admitted(frame, one, 0.0) is None


def test_swift_asks_the_grants_in_force() -> None:
    """What was remembered belongs to the grants that gave it, and goes with them."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    frame = '{"type":"say","id":"1","data":{"room":"lobby"}}'
    way.admit(frame, one, 0.0)
    one.identity = replace(one.identity, permissions=Grants(["chat:write:x"]))

    with pytest.raises(FrameError):
        way.admit(frame, one, 0.0)


def test_swift_remembers_a_value_for_its_template_alone() -> None:
    """A room that holds a colon is no two segments, though the grants name those."""
    way, one = pipeline(Envelope(), is_swift=True), session("chat:write:a:b", "board:*:move:7")
    for _ in range(2):
        with pytest.raises(FrameError):
            way.admit('{"type":"say","id":"1","data":{"room":"a:b"}}', one, 0.0)

    assert {} == one.identity.permissions.passed


def test_swift_remembers_a_bounded_number_of_values() -> None:
    """Whoever may enter every room does not fill our memory by it."""
    way, one = pipeline(Envelope(), is_swift=True), session("chat:**")
    for number in range(3 * PASSED_MOST):
        way.admit(f'{{"type":"say","data":{{"room":"r{number}"}}}}', one, float(number))
        assert len(one.identity.permissions.passed.get("chat:write:{room}", ())) <= PASSED_MOST

    assert 1 == len(one.identity.permissions.passed)


def test_swift_drops_what_comes_behind_a_close() -> None:
    """`admit` asks that first, whichever way a message takes then."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    one.close = Close(CloseCode.GOING_AWAY)

    with pytest.raises(FrameDropped):
        way.admit('{"type":"wave"}', one, 0.0)


def test_permitted_is_made_in_two_places() -> None:
    """Where a permission is asked for; whoever wants another one has to change this test."""
    package = Path(tornado_wssec.__file__).parent
    callers = {
        (one.name, str(path.relative_to(package)))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for one in node.names
        if one.name in ("permit", "as_permitted")
    }

    made = {("permit", "policy/pipeline.py"), ("permit", "policy/swift.py")}
    assert made | {("as_permitted", "conversation.py")} == callers


def test_permitted_needs_standing_for_all_but_the_public() -> None:
    """What the application may take back is asked of it again."""
    way, one = pipeline(Envelope(), is_swift=True), session(*GRANTS)
    frames = ['{"type":"wave","data":{}}', '{"type":"look","data":{}}']

    assert [False, True] == [way.admit(frame, one, 0.0).needs_standing for frame in frames]


@pytest.mark.parametrize("make", [Permitted, lambda *fields: vars(Permitted)["_make"].__get__(None, Permitted)(fields)])
def test_permitted_is_not_made_by_hand(make: Any) -> None:
    """Neither by its name nor as tuples of names are made otherwise."""
    fields = pipeline(Envelope(), is_swift=True).admit('{"type":"wave","data":{}}', session(), 0.0)

    with pytest.raises(TypeError):
        make(*fields)
