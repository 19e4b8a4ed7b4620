"""What a binary message may be, told by the bytes that it begins with.

They say what it claims to be, and end the confusion of one format with another; whoever opens it opens something of a
stranger's all the same.

Rules of this file:
1. A format that cannot be read is one that nothing fits.
2. `"any"` is spelt out: no format is ever left open by leaving something out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from marshmallow import fields

PAYLOAD: Final = "payload"
"""Under this name a handler finds the bytes among the data."""

BEGINNING_MOST: Final = 64
"""Bytes of the longest beginning that can be declared."""

FORMATS: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "any": b"",
        "flac": rb"fLaC",
        "gif": rb"GIF8[79]a",
        "gzip": rb"\x1f\x8b\x08",
        "jpeg": rb"\xff\xd8\xff",
        "mp4": rb".{4}ftyp",
        "ogg": rb"OggS\0",
        "pdf": rb"%PDF-[12]\.[0-9]",
        "png": rb"\x89PNG\r\n\x1a\n",
        "wav": rb"RIFF.{4}WAVE",
        "webm": rb"\x1a\x45\xdf\xa3",
        "webp": rb"RIFF.{4}WEBP",
        "zip": rb"PK\x03\x04",
    }
)
"""Name → expression for the first bytes. Source: the WHATWG MIME Sniffing Standard §6, and RFCs 1952 and 9649."""


@dataclass(frozen=True, slots=True)
class BinaryFormat:
    """One format.

    Args:
        name: as it was declared.
        begins: what its first bytes match. None: nothing does.
    """

    name: str
    begins: re.Pattern[bytes] | None

    @classmethod
    def parse(cls, declared: object) -> "BinaryFormat":
        """The format of that name, or the one that begins with these bytes.

        Raises:
            ValueError: it is neither; fault and remedy.
        """
        if isinstance(declared, bytes) and 0 < len(declared) <= BEGINNING_MOST:
            return cls(repr(declared), re.compile(re.escape(declared)))
        if isinstance(declared, str) and declared in FORMATS:
            return cls(declared, re.compile(FORMATS[declared], re.DOTALL))
        names = ", ".join(FORMATS)
        raise ValueError(f"is {declared!r:.80}; write one of {names}, or the bytes that all begin with, b'\\x89PNG'")

    def fits(self, payload: bytes) -> bool:
        """Whether these bytes begin as the format does."""
        return self.begins is not None and self.begins.match(payload) is not None


NOTHING: Final = BinaryFormat("nothing", None)


class Payload(fields.Field[bytes]):
    """The bytes of a binary message; never a part of its JSON."""

    default_error_messages = {"format": "Not in the declared format."}  # noqa: RUF012  # as marshmallow has it

    def __init__(self, format: BinaryFormat) -> None:
        super().__init__(required=True)
        self.format = format

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        if type(value) is not bytes or not self.format.fits(value):
            raise self.make_error("format")
        return value
