"""The configuration as it is shown."""

from dataclasses import replace

from tests.kits import CHAT
from tornado_wssec import Limits
from tornado_wssec.ops.configuration import Group, Row, groups_of
from tornado_wssec.settings import Secret
from tornado_wssec.testing import GuardKit


def row_of(groups: list[Group], name: str) -> Row:
    """The only row of this name."""
    (found,) = [row for group in groups for row in group.rows if row.name == name]
    return found


def test_configuration_masks_each_secret() -> None:
    """Set or not is all that is said; the repr of nothing in it holds the value either."""
    secrets = {"cookie_secret": "canary-" * 8, "keys_passphrase": Secret("canary")}
    groups = groups_of(GuardKit([], registry=CHAT, settings=secrets).guard)

    assert "[redacted]" == row_of(groups, "WSSEC_COOKIE_SECRET").value
    assert "[redacted]" == row_of(groups, "WSSEC_KEYS_PASSPHRASE").value
    assert "not set" == row_of(groups, "WSSEC_STORE").value
    assert "canary" not in repr(groups)


def test_configuration_masks_a_secret_that_is_plain_text() -> None:
    """What is declared as a secret is masked, whatever it is made of."""
    guard = GuardKit([], registry=CHAT).guard
    guard.settings = replace(guard.settings, cookie_secret="canary")  # type: ignore[arg-type]  # a mistake of ours

    assert "[redacted]" == row_of(groups_of(guard), "WSSEC_COOKIE_SECRET").value


def test_configuration_names_what_is_not_at_its_default() -> None:
    """With the default beside it; everything else has none."""
    groups = groups_of(GuardKit([], registry=CHAT, limits=Limits(connections=5)).guard)

    assert ("5", "not set") == (row_of(groups, "connections").value, row_of(groups, "connections").default)
    assert ("65,536", None) == (row_of(groups, "message_bytes").value, row_of(groups, "message_bytes").default)


def test_configuration_spells_out_what_is_switched_off() -> None:
    """What weakens a default is among the first rows, and what happens when a dependency fails among the last."""
    groups = groups_of(GuardKit([], registry=CHAT, settings={"insecure": True}, framing="stock").guard)

    assert "yes" == row_of(groups, "ws:// beyond loopback").value
    assert "stock" == row_of(groups, "frames are read by").value
    assert "503" in row_of(groups, "store out of reach").value
