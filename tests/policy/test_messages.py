"""What an application declares, and what happens to an option that is nearly ours."""

from typing import Any

import pytest
from marshmallow import EXCLUDE, RAISE

from tornado_wssec.policy.messages import Channel, Message, misspelt, place

from .samples import channel, message, text


def faults(declared: type[Message] | type[Channel]) -> list[tuple[str, str]]:
    """The option and the remedy of each misspelling."""
    return [(problem.where.rpartition(".")[2], problem.remedy) for problem in misspelt(declared)]


def test_message_has_defaults() -> None:
    """Inbound, of cost 1, unsigned, without a permission, a rate or a cap; unknown fields are refused."""

    class Bare(Message):
        class Meta:
            type = "bare"

    opts = Bare.opts
    found = (opts.type, opts.direction, opts.permission, opts.rate, opts.max_bytes, opts.signed, opts.bind, opts.cost)

    assert ("bare", "in", None, None, None, False, None, 1) == found
    assert (RAISE, None, None) == (opts.unknown, Message.opts.type, Channel.opts.pattern)


def test_message_options_are_inherited_as_in_marshmallow() -> None:
    """With the class where it has no `Meta`, and with `Meta` where that inherits; not otherwise."""

    class Base(Message):
        class Meta:
            permission = "chat:write"
            max_bytes = 7

    class Silent(Base):
        pass

    class Extended(Base):
        class Meta(Base.Meta):
            type = "extended"

    class Anew(Base):
        class Meta:
            type = "anew"

    assert [7, 7, None] == [one.opts.max_bytes for one in (Silent, Extended, Anew)]
    assert ("extended", "chat:write") == (Extended.opts.type, Extended.opts.permission)


def test_message_reads_marshmallows_options_too() -> None:
    """`class Meta` is still marshmallow's."""
    declared = message({"unknown": EXCLUDE, "exclude": ("x",)}, x=text(), y=text())

    assert (EXCLUDE, ["y"]) == (declared.opts.unknown, list(declared().fields))


def test_declarations_have_a_place() -> None:
    """The module and the name, as an import would write them."""

    assert "tornado_wssec.policy.messages.Message" == place(Message)


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("permissions", "permission"),
        ("permision", "permission"),
        ("permission_required", "permission"),
        ("rates", "rate"),
        ("rate_limit", "rate"),
        ("maxbytes", "max_bytes"),
        ("maxBytes", "max_bytes"),
        ("types", "type"),
        ("Type", "type"),
        ("directon", "direction"),
        ("sign", "signed"),
        ("binding", "bind"),
        ("costs", "cost"),
    ],
)
def test_message_option_nearly_ours(option: str, meant: str) -> None:
    """A misspelling would be silence where a limit was meant."""

    assert [(option, f"did you mean {meant}?")] == faults(message({option: 1}))


@pytest.mark.parametrize("option", ["pattern", "subscribe", "publish"])
def test_message_option_of_a_channel(option: str) -> None:
    """It says nothing about a message."""
    found = list(misspelt(message({option: "x"})))

    assert ["is an option of a Channel"] == [problem.fault for problem in found]


@pytest.mark.parametrize("option", ["type", "permission", "cost", "coalesce", "max_bytes"])
def test_channel_option_of_a_message(option: str) -> None:
    """It says nothing about a channel."""
    found = list(misspelt(channel({option: "x"})))

    assert ["is an option of a Message"] == [problem.fault for problem in found]


def test_channel_option_nearly_ours() -> None:
    """Channels are read as closely."""

    assert [("subcribe", "did you mean subscribe?")] == faults(channel({"subcribe": 1}))


@pytest.mark.parametrize("option", ["model", "title", "include", "ordered", "dump_only", "_type", "render_module"])
def test_message_options_of_others(option: str) -> None:
    """Marshmallow's options, and those of other extensions, are none of our business."""
    value: Any = {} if option == "include" else ()

    assert [] == faults(message({option: value}))


def test_message_options_are_read_through_bases() -> None:
    """A misspelling in a `Meta` that is inherited is found, too."""

    class Base(Message):
        class Meta:
            permision = "chat:write"

    class Extended(Base):
        class Meta(Base.Meta):
            type = "extended"

    assert [("permision", "did you mean permission?")] == faults(Extended)
