"""One message on its way out."""

from tornado_wssec.policy.overflow import Overflow
from tornado_wssec.wire.outgoing import Outgoing


def test_outgoing_is_encoded_once() -> None:
    """Everybody who gets it gets the same frame."""
    message = Outgoing("é")

    assert b"\x81\x02\xc3\xa9" == message.frame
    assert message.frame is message.frame


def test_outgoing_disconnects_by_default() -> None:
    """Nothing is dropped that was not declared so."""
    message = Outgoing("{}")

    assert (Overflow.DISCONNECT, None, False) == (message.overflow, message.key, message.is_reply)
