"""The reference catalogues start, in strict mode, alone and together."""

import pytest

from tornado_wssec import Registry


@pytest.mark.parametrize("name", ["schemas", "schemas.chat", "schemas.whiteboard"])
def test_catalogue_has_no_problems(name: str) -> None:
    """What we show others how to declare is declared well."""
    registry = Registry.scan(name)

    assert [] == registry.problems()
    assert registry.messages
    assert registry.channels


def test_catalogues_are_found_by_the_name_of_their_package() -> None:
    """A scan of the package is a scan of each module in it."""

    assert {"chat.send", "chat.posted", "board.draw", "board.drawn"} <= Registry.scan("schemas").messages.keys()


def test_catalogues_say_what_their_messages_are() -> None:
    """Each class has a docstring of its own, from which exports are made."""
    specs = Registry.scan("schemas").messages.values()

    assert [] == [spec.type for spec in specs if not vars(spec.message)["__doc__"]]
