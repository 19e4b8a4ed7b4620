"""The options of `class Meta`, read."""

import math
from typing import Any

import pytest

from tornado_wssec.errors import Problem
from tornado_wssec.policy.channel_options import TTL, TTL_MOST, ChannelTerms, read_channel
from tornado_wssec.policy.channels import ChannelPattern
from tornado_wssec.policy.messages import Channel, Message
from tornado_wssec.policy.options import MessageTerms, read_message
from tornado_wssec.policy.overflow import Overflow
from tornado_wssec.policy.permissions import PUBLIC, PermissionTemplate
from tornado_wssec.policy.rates import Rate

from .samples import TYPE, channel, message, text


def problem(declared: type[Message] | type[Channel]) -> Problem:
    """The one thing that is wrong with the options of a declaration."""
    read: Any = read_channel if issubclass(declared, Channel) else read_message
    (found,) = read(declared)[1]
    assert isinstance(found, Problem)
    return found


def test_options_of_a_message() -> None:
    """Each is read into what it stands for."""
    meta = {"permission": "a:{b}", "rate": "5/second", "max_bytes": 9, "bind": {"b": "sub"}, "cost": 2, "signed": True}
    expected = MessageTerms(TYPE, "both", PermissionTemplate("a:{b}"), (Rate(5, 1),), 9, {"b": "sub"}, 2, True)

    assert (expected, []) == read_message(message({**meta, "direction": "both"}))


def test_options_of_a_channel() -> None:
    """Permissions are templates; without `publish` no client publishes."""
    read = ChannelTerms(pattern=ChannelPattern("room:{room}"), subscribe=PermissionTemplate("chat:read:{room}"))

    assert (read, []) == read_channel(channel({"subscribe": "chat:read:{room}"}))
    assert PermissionTemplate(PUBLIC) == read_channel(channel({"publish": PUBLIC}))[0].publish


@pytest.mark.parametrize(
    ("option", "value"), [("max_bytes", 1), ("cost", 0.001), ("max_auth_age", 0.1), ("type", "x"), ("type", "~" * 128)]
)
def test_options_at_their_bounds(option: str, value: object) -> None:
    """The least and the longest that there may be."""

    assert [] == read_message(message({option: value}))[1]


def test_options_may_be_left_out() -> None:
    """A message needs a type and a permission, and nothing else."""

    assert (MessageTerms(TYPE, "in", PermissionTemplate(PUBLIC), (), None, {}, 1, False), []) == read_message(message())


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("type", [None, "", 1, "a b", "é", "x" * 129, "a\n", ["x"]]),
        ("max_auth_age", [0, -1, "300", True, float("inf"), float("nan")]),
        ("direction", ["inbound", "IN", None, 1, ["in"], ""]),
        ("permission", ["", "a:", "a:*", "a:{b}c", "a::b", 1, ["a"]]),
        ("rate", ["5", "5/sec", 5, "0/second", "5/second, 9/second", ["5/second"]]),
        ("max_bytes", [0, -1, True, "8k", 1.5]),
        ("signed", ["yes", 1, None]),
        ("bind", ["sub", ["sub"], {"a": 1}, {1: "sub"}, {"": "sub"}, {"a": ""}]),
        ("cost", [0, -1, True, "1", math.nan, math.inf, None]),
    ],
)
def test_options_that_are_wrong(option: str, values: list[object]) -> None:
    """Each wrong value is a problem that names the option and a remedy, and grants nothing."""
    found = [problem(message({option: value})) for value in values]

    assert {f"tests.policy.samples.Sample.Meta.{option}"} == {one.where for one in found}
    assert [] == [one for one in found if not (one.fault and one.remedy)]


def test_options_of_a_channel_that_limit() -> None:
    """Each is read into what it stands for; a type may be named by its class."""
    meta = {"publish": PUBLIC, "accepts": [message(), "b.c"], "bind": {"room": "tenant"}, "rate": "5/second"}
    limits = {"subscribers": 9, "subscriptions": 1, "history": 100, "ttl": 0.5, "presence": True}
    expected = ChannelTerms(
        pattern=ChannelPattern("room:{room}"),
        subscribe=PermissionTemplate(PUBLIC),
        publish=PermissionTemplate(PUBLIC),
        accepts=(TYPE, "b.c"),
        bind={"room": "tenant"},
        rates=(Rate(5, 1),),
        subscribers=9,
        subscriptions=1,
        history=100,
        ttl=0.5,
        presence=True,
    )

    assert (expected, []) == read_channel(channel({**meta, **limits}))
    assert 60.0 == read_channel(channel({"history": 10_000}))[0].ttl


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("accepts", [1, "a.b", [], [1], [int], [None], {"a"}]),
        ("bind", [1, ["room"], {"room": 1}, {"": "sub"}]),
        ("rate", [1, "often", "0/second"]),
        ("subscribers", [0, -1, 1.5, True, "9"]),
        ("subscriptions", [0, -1, 1.5, True, "9"]),
        ("history", [-1, 1.5, True, "9", 10_001]),
        ("ttl", [0, -1, True, "9", math.nan, math.inf, 86_401]),
        ("presence", [1, None, "yes"]),
    ],
)
def test_channel_limits_that_are_wrong(option: str, values: list[object]) -> None:
    """Each wrong value is a problem that names the option and a remedy."""
    needs: dict[str, dict[str, object]] = {"accepts": {"publish": PUBLIC}, "ttl": {"history": 9}}
    need = needs.get(option, {})
    found = [problem(channel({**need, option: value})) for value in values]

    assert {f"tests.policy.samples.SampleChannel.Meta.{option}"} == {one.where for one in found}
    assert [] == [one for one in found if not (one.fault and one.remedy)]


def test_channel_options_without_effect() -> None:
    """What is kept must be said before how long, and that clients may publish before what."""

    assert "says how long to keep what is not kept" == problem(channel({"ttl": 9})).fault
    assert "says what clients may publish, and none may" == problem(channel({"accepts": ["a.b"]})).fault


@pytest.mark.parametrize("option", ["subscribe", "publish", "pattern"])
@pytest.mark.parametrize("value", ["", "a:*", 1])
def test_channel_options_that_are_wrong(option: str, value: object) -> None:
    """Each wrong value is a problem that names the option and a remedy."""
    found = problem(channel({option: value}))

    assert (f"tests.policy.samples.SampleChannel.Meta.{option}", True) == (found.where, bool(found.remedy))


@pytest.mark.requirement("R042")
def test_options_that_may_not_be_left_out() -> None:
    """A message without a permission, and a channel that says not who may listen, do not start."""
    where = "tests.policy.samples.Sample"

    assert (where, "declares no permission") == fault_of(message({"permission": None}))
    assert (f"{where}Channel", "declares no subscribe") == fault_of(channel({"subscribe": None}))
    assert (f"{where}Channel", "declares no pattern") == fault_of(channel({"pattern": None}))


def fault_of(declared: type[Message] | type[Channel]) -> tuple[str, str]:
    """Where the one problem is, and what."""
    found = problem(declared)
    return found.where, found.fault


@pytest.mark.parametrize(
    ("option", "value"), [("rate", "5/second"), ("bind", {"a": "sub"}), ("signed", True), ("max_auth_age", 9)]
)
def test_options_without_effect(option: str, value: object) -> None:
    """What is asked of senders says nothing about a message that only the server sends."""
    found = problem(message({"direction": "out", option: value}))

    assert "says nothing about a message that only the server sends" == found.fault


@pytest.mark.parametrize("value", ["drop", "DROP_OLDEST", "", 1, True, ["disconnect"]])
def test_options_of_overflow_that_are_wrong(value: object) -> None:
    """What is none of the four is a problem, and disconnects meanwhile."""
    terms, problems = read_message(message({"direction": "out", "overflow": value}))

    assert Overflow.DISCONNECT is terms.overflow
    assert [("tests.policy.samples.Sample.Meta.overflow", True)] == [(one.where, bool(one.remedy)) for one in problems]


@pytest.mark.parametrize("value", ["", "symbol", "{}", "{a b}", "{symbol", "{a}{", "{0}", 1, ["{a}"]])
def test_options_of_coalesce_that_are_wrong(value: object) -> None:
    """A key that names no field is a problem."""
    found = problem(message({"direction": "out", "coalesce": value}))

    expected = ("tests.policy.samples.Sample.Meta.coalesce", 'write it as in coalesce = "{symbol}"')
    assert expected == (found.where, found.remedy)


@pytest.mark.parametrize(
    ("meta", "overflow", "names"),
    [
        ({}, Overflow.DISCONNECT, ()),
        ({"overflow": "drop_newest"}, Overflow.DROP_NEWEST, ()),
        ({"coalesce": "{a}"}, Overflow.COALESCE, ("a",)),
        ({"overflow": "coalesce", "coalesce": "{a}:{b_1}"}, Overflow.COALESCE, ("a", "b_1")),
    ],
)
def test_options_of_slow_readers(meta: dict[str, object], overflow: Overflow, names: tuple[str, ...]) -> None:
    """A key says the policy by itself; without either, a slow reader is disconnected."""
    terms, problems = read_message(message({"direction": "out", **meta}))

    assert (overflow, names, []) == (terms.overflow, terms.coalesce, problems)


@pytest.mark.parametrize(
    ("meta", "fault"),
    [
        ({"overflow": "coalesce"}, "does not say of what only the newest matters"),
        ({"overflow": "drop_oldest", "coalesce": "{a}"}, "is contradicted by overflow = 'drop_oldest'"),
        ({"direction": "in", "overflow": "drop_oldest"}, "says nothing about a message that only clients send"),
        ({"direction": "in", "coalesce": "{a}"}, "says nothing about a message that only clients send"),
    ],
)
def test_options_of_slow_readers_that_contradict(meta: dict[str, object], fault: str) -> None:
    """Half a policy, two policies, or one for what is never sent do not start."""

    assert fault == problem(message({"direction": "out", **meta})).fault


def test_options_that_cannot_be_read_are_strict_meanwhile() -> None:
    """A permission that cannot be read is none, `signed` is taken for True, and nobody has proved himself of late."""
    terms, problems = read_message(message({"permission": "a:*", "signed": "no", "max_auth_age": "5", "cost": "2"}))

    assert (None, True, 0.0, 1.0, 4) == (
        terms.permission,
        terms.signed,
        terms.max_auth_age,
        terms.cost,
        len(problems),
    )


def test_channel_options_that_cannot_be_read_are_strict_meanwhile() -> None:
    """One listener, nothing kept, and nobody told who is there."""
    meta = {"subscribers": "9", "subscriptions": 0, "history": -1, "presence": "yes", "ttl": "5"}
    terms, _ = read_channel(channel(meta))

    assert (1, 1, 0, False, TTL) == (terms.subscribers, terms.subscriptions, terms.history, terms.presence, terms.ttl)


def test_channel_keeps_as_long_as_it_may() -> None:
    """And no longer."""
    assert [] == read_channel(channel({"history": 1, "ttl": TTL_MOST}))[1]
    assert "ttl" == problem(channel({"history": 1, "ttl": TTL_MOST + 1})).where.rpartition(".")[2]


def test_options_report_misspellings_along_with_the_rest() -> None:
    """One list holds everything."""
    _, problems = read_message(message({"permission": None, "cost": 0, "rates": "5/second"}))

    assert ["did you mean rate?", "write permission", "write a number"] == [
        next(text for text in ("did you mean rate?", "write permission", "write a number") if text in one.remedy)
        for one in problems
    ]


@pytest.mark.parametrize(
    ("meta", "option"), [({"overflow": "drop_newest"}, "overflow"), ({"coalesce": "{symbol}"}, "coalesce")]
)
def test_options_for_slow_receivers_of_what_nobody_receives(meta: dict[str, Any], option: str) -> None:
    """The option that was written is the one to drop."""
    _, problems = read_message(message({"direction": "in", **meta}, symbol=text()))
    told = [(one.where.rpartition(".")[2], one.remedy) for one in problems if "only clients send" in one.fault]

    assert [(option, "drop it")] == told
