"""Every message and channel that an application declares, compiled and closed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import fields

from tornado_wssec.errors import ConfigurationError, UnknownType
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.registry import Registry

from .samples import channel, message, problems, said, text

HEAD = """
from marshmallow import Schema, fields, validate
from tornado_wssec.policy.messages import Channel, Message
from tornado_wssec.policy.permissions import PUBLIC
"""
CHAT = (
    HEAD
    + """
class Style(Schema):
    pass

class Base(Message):
    pass

class Send(Base):
    class Meta:
        type = "chat.send"
        permission = PUBLIC

Alias = Send

class Said(Base):
    class Meta:
        type = "chat.said"
        permission = PUBLIC
        direction = "out"

class Room(Channel):
    class Meta:
        pattern = "room"
        subscribe = PUBLIC
"""
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package `declared`, from which can be imported; what was imported is forgotten after."""
    folder = tmp_path / "declared"
    folder.mkdir(mode=0o755)
    (folder / "__init__.py").touch(mode=0o644)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(package: Path, **sources: str) -> None:
    """Write modules of the package."""
    for name, source in sources.items():
        (package / f"{name}.py").write_text(source)


def refusal(*modules: str) -> str:
    """Why a scan is refused."""
    with pytest.raises(ConfigurationError) as caught:
        Registry.scan(*modules)
    return str(caught.value)


SEND, SAID, ECHO = (
    message({"type": name, "direction": direction})
    for name, direction in (("chat.send", "in"), ("chat.said", "out"), ("chat.echo", "both"))
)


# --- looking things up --------------------------------------------------------------


def test_registry_resolves_what_clients_may_send() -> None:
    """Types of direction in and both; everything else is unknown."""
    registry = Registry(SEND, SAID, ECHO)

    assert [SEND, ECHO] == [registry.resolve(name).message for name in ("chat.send", "chat.echo")]
    with pytest.raises(UnknownType):
        registry.resolve("chat.said")


@pytest.mark.parametrize(
    "name", ["chat.Send", "chat.send ", " chat.send", "chat.send\n", "__class__", "", "x" * 10_240, "CHAT.SEND"]
)
def test_registry_knows_no_nearly_right_types(name: str) -> None:
    """Nothing is folded or trimmed, and the evidence does not hold the peer's string."""
    with pytest.raises(UnknownType) as caught:
        Registry(SEND).resolve(name)

    assert "no such type is declared for clients" == caught.value.evidence


def test_registry_finds_what_the_server_may_send() -> None:
    """By class, of direction out and both; the remedy says what is missing."""
    registry = Registry(SEND, SAID, ECHO)
    other = message({"type": "other"})

    assert [SAID, ECHO] == [registry.outbound(one).message for one in (SAID, ECHO)]
    with pytest.raises(ConfigurationError, match='declared for clients only; set direction = "out"'):
        registry.outbound(SEND)
    with pytest.raises(
        ConfigurationError, match=r"not in the registry; scan its module: Registry\.scan\('tests\.policy"
    ):
        registry.outbound(other)


def test_registry_declares_classes() -> None:
    """Another class of the same type is not the one."""

    assert [True, False] == [Registry(SEND).declares(one) for one in (SEND, message({"type": "chat.send"}))]


def test_registry_finds_channels() -> None:
    """The kind, and the fields of the name."""
    rooms, boards = channel(), channel({"pattern": "board:{room}"}, room=text())
    registry = Registry(rooms, boards)
    found = registry.channel("board:b1")

    assert found is not None
    assert (boards, {"room": "b1"}) == (found[0].channel, found[1])
    assert [None, None] == [registry.channel(name) for name in ("table:b1", "board:*")]


def test_registry_is_closed() -> None:
    """Nothing is added after it is made, not even by mistake."""
    registry = Registry(SEND)
    messages: Any = registry.messages

    with pytest.raises(TypeError):
        messages["chat.other"] = messages["chat.send"]
    with pytest.raises(AttributeError):
        registry.extra = 1  # type: ignore[attr-defined]


def test_registry_keeps_the_order_of_declaration() -> None:
    """What is listed is listed as it was written; one class given twice is one."""
    registry = Registry(SAID, SEND, SAID, channel())

    assert ["chat.said", "chat.send"] == list(registry.messages)
    assert ((), 1) == (registry.files, len(registry.channels))


@pytest.mark.parametrize("wrong", ["schemas.chat", SEND(), int, None])
def test_registry_takes_classes_only(wrong: Any) -> None:
    """A name or an instance is a mistake in the program, and is said at once."""
    with pytest.raises(TypeError, match=r"is no Message and no Channel class; scan modules by Registry\.scan"):
        Registry(wrong)


# --- problems -----------------------------------------------------------------------


def test_registry_has_no_problems() -> None:
    """What is declared well starts."""

    assert [] == problems(SEND, SAID, ECHO, channel())
    assert [] == Registry().problems()


def test_registry_tells_what_cannot_be_compiled_once() -> None:
    """A schema that cannot be built has no fields to be read."""
    broken = message(a=text(data_key="x"), b=text(data_key="x"))

    assert ["cannot be built"] == [problem.fault[:15] for problem in problems(broken, SEND)]


def test_registry_is_strict_unless_told_otherwise() -> None:
    """What coerces does not start by default."""
    lenient = message(n=fields.Integer())

    assert [1, 0] == [len(Registry(lenient).problems()), len(Registry(lenient, strict=False).problems())]


def test_registry_says_when_two_types_have_one_name() -> None:
    """Both are named, and the first is kept meanwhile."""
    one, other = message({"type": "a"}, x=text()), message({"type": "a"}, y=text())
    registry = Registry(one, other)

    assert [
        "a: is the type of tests.policy.samples.Sample and tests.policy.samples.Sample; give one of them another"
    ] == [str(problem) for problem in registry.problems()]
    assert one is registry.resolve("a").message


def test_registry_says_when_two_channels_share_names() -> None:
    """Else the permission for a name would depend on the order."""
    found = said(channel(), channel({"pattern": "{kind}:lobby"}, kind=text()))

    assert "{kind}:lobby: fits names of two channels, tests.policy.samples.SampleChannel (room:{room}) and" in found


@pytest.mark.parametrize("name", ["ping", "pong", "reply", "error", "wssec.subscribe", "wssec.", "wssec.mine"])
def test_registry_keeps_the_protocols_own_types(name: str) -> None:
    """An application's message cannot pass for one of ours."""
    (problem,) = problems(message({"type": name}))

    assert f"{name!r} is a type of the protocol's own" == problem.fault


def test_registry_tells_a_message_without_a_name() -> None:
    """A base that is registered by hand was meant to be a message."""

    class Base(Message):
        pass

    assert "Meta.type: is None; write" in said(Base)


# --- scanning -----------------------------------------------------------------------


def test_scan_registers_what_a_package_declares(package: Path) -> None:
    """In the order of modules and then of declaration, without bases and aliases; the files are told."""
    write(
        package,
        chat=CHAT,
        about=HEAD + 'class About(Message):\n  class Meta:\n    type = "about"\n    permission = PUBLIC\n',
    )
    registry = Registry.scan("declared")
    assert registry.is_compiled is Registry().is_compiled is True  # the quick way is what one gets

    assert ["about", "chat.send", "chat.said"] == list(registry.messages)
    assert ["room"] == [spec.pattern.text for spec in registry.channels]
    assert tuple(str(package / f"{name}.py") for name in ("__init__", "about", "chat")) == registry.files
    assert [] == registry.problems()


def test_scan_leaves_what_is_imported_to_its_own_module(package: Path) -> None:
    """To import a message is not to offer it."""
    write(
        package,
        chat=CHAT,
        other=HEAD + "from declared.chat import Send\nclass Own(Channel):\n  class Meta:\n    pattern = 'x'\n",
    )

    assert {} == dict(Registry.scan("declared.other").messages)


def test_scan_refuses_two_types_of_one_name(package: Path) -> None:
    """A clash is an error that names both modules."""
    write(package, a=CHAT, b=CHAT.replace('"room"', '"hall"'))

    assert "chat.send: is the type of declared.a.Send and declared.b.Send" in refusal("declared")
    assert "chat.said: is the type of declared.a.Said and declared.b.Said" in refusal("declared")


def test_scan_refuses_two_channels_of_one_name(package: Path) -> None:
    """Channels clash as types do."""
    write(package, a=CHAT, b=CHAT.replace("chat.", "other."))

    assert "room: fits names of two channels, declared.a.Room (room) and declared.b.Room" in refusal("declared")


def test_scan_counts_a_subclass_that_inherits_its_type(package: Path) -> None:
    """As in marshmallow, a class without `Meta` has that of its base; so it has its type, too."""
    write(package, a=CHAT + "\nclass Again(Send):\n    pass\n")

    assert "declared.a.Send and declared.a.Again" in refusal("declared")


@pytest.mark.parametrize("modules", [("declared",), ()])
def test_scan_refuses_to_find_nothing(package: Path, modules: tuple[str, ...]) -> None:
    """A scan of the wrong place would be an application that accepts nothing."""

    place = "".join(modules) or "Registry.scan()"
    assert f"{place}: declares no message; name the modules in which Message classes stand" in refusal(*modules)


def test_scan_tells_a_message_whose_name_was_forgotten(package: Path) -> None:
    """Options of ours and no name, on a class that nothing derives from."""
    forgotten = "class Lost(Message):\n  class Meta:\n    permission = PUBLIC\n"
    base = "class Base(Message):\n  class Meta:\n    permission = PUBLIC\n"
    write(package, a=HEAD + forgotten, b=HEAD + base + 'class Own(Base):\n  class Meta(Base.Meta):\n    type = "own"\n')
    found = [str(problem) for problem in Registry.scan("declared").problems()]

    assert [True] == [text.startswith("declared.a.Lost.Meta.type: is None") for text in found]


def test_scan_leaves_bases_alone(package: Path) -> None:
    """A class without options is a base, though nothing derives from it yet."""
    write(package, a=CHAT + "class Unused(Message):\n  text = fields.String()\n")

    assert [] == Registry.scan("declared").problems()


def test_scan_tells_a_channel_whose_pattern_was_forgotten(package: Path) -> None:
    """The same for channels."""
    write(package, a=CHAT + "class Lost(Channel):\n  class Meta:\n    subscribe = PUBLIC\n")

    assert ["declared.a.Lost: declares no pattern"] == [
        str(problem).partition(";")[0] for problem in Registry.scan("declared").problems()
    ]


def test_scan_refuses_modules_that_anybody_may_write(package: Path) -> None:
    """What is scanned is run, so it must be the application's own."""
    write(package, chat=CHAT)
    (package / "chat.py").chmod(0o666)

    assert "declared.chat: anybody may write" in refusal("declared")


def test_scan_can_be_lenient(package: Path) -> None:
    """Outside of strict mode what coerces is let pass; what opens a hole is not."""
    fields = "    n = fields.Integer()\n    t = fields.String(validate=validate.Regexp('a'))\n"
    write(
        package,
        chat=HEAD + 'class A(Message):\n    class Meta:\n        type = "a"\n        permission = PUBLIC\n' + fields,
    )

    assert 3 == len(Registry.scan("declared").problems())
    assert [3, 1] == [len(Registry.scan("declared", strict=strict).problems()) for strict in (True, False)]


def test_two_registries_know_nothing_of_each_other() -> None:
    """The same classes can be in both; there is no list in the module."""
    one, other = Registry(SEND), Registry(SEND, SAID)

    assert [["chat.send"], ["chat.send", "chat.said"]] == [list(one.messages), list(other.messages)]
    assert one.resolve("chat.send") is not other.resolve("chat.send")
