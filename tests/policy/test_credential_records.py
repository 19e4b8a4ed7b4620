"""What stores keep of credentials."""

from tornado_wssec.policy.credential_records import RECORD_BYTES
from tornado_wssec.policy.tickets import PAYLOAD_BYTES


def test_record_has_the_room_of_a_ticket() -> None:
    """32 KiB: one credential is as large as the other, whatever it is shown as."""
    assert 32 * 1024 == RECORD_BYTES == PAYLOAD_BYTES
