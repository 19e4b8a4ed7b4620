"""The file that holds the private keys: one JWK Set, sealed by a passphrase where one is given (R026, R081).

Rules of this file:
1. A passphrase that is configured is required of the file, too: plain text in its place is refused, since whoever
   could put it there would choose our keys. `reseal` is the way from one to the other.
2. What cannot be read is never made anew; the caller keeps the last good keys.
3. A ring is written only if it can be read back.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from ..errors import ConfigurationError, KeyFileError, MalformedFrame
from ..policy.keys import KeyRing
from ..policy.strict_json import decode_json
from ..settings import Limits, Secret
from .private_file import BYTES_MOST, Mark, PrivateFile
from .seal import is_sealed, seal, unseal

LOCK_WAIT: Final = 10.0
"""Seconds to wait for another process's change: making an RSA key and a seal take a second."""

_JSON: Final = Limits(message_bytes=BYTES_MOST, json_nodes=BYTES_MOST)
_RESTORE: Final = "restore it from a backup; if there is none, make new keys under another name"


class KeyFile:
    """The key file at `path`. Calls block for the disk, and for half a second where a seal is opened.

    Args:
        passphrase: opens and seals it; None: it is not sealed.
        lock_wait: seconds to wait for another process's change.
    """

    def __init__(
        self, path: str | os.PathLike[str], passphrase: Secret | None = None, *, lock_wait: float = LOCK_WAIT
    ) -> None:
        self._file = PrivateFile(path, lock_wait)
        self.path = self._file.path
        self._passphrase = self._checked(passphrase)
        self._mark: Mark | None = None

    def load(self) -> KeyRing:
        """Read the keys.

        Raises:
            KeyFileError: it is missing, too open, torn, foreign, or sealed otherwise; says the remedy.
        """
        content, mark = self._file.read()
        ring, fault = self._read(content)
        if ring is None:
            raise KeyFileError(f"{self.path}: {fault}")
        self._mark = mark
        return ring

    def changed(self) -> bool:
        """Whether the file is another than the one last read or written here. One system call."""
        return self._mark is None or self._file.mark() != self._mark

    def create(self, ring: KeyRing) -> None:
        """Make the file.

        Raises:
            KeyFileError: there is one already, or it cannot be written.
        """
        with self._file.locked():
            self._write(ring, is_new=True)

    def edit(self, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
        """Read, change and replace the keys while nobody else can; return what now stands in the file.

        What `change` raises passes through, and nothing is written.

        Raises:
            KeyFileError: another process holds it, or it cannot be read or written.
        """
        self._file.read()  # where there is nothing to change, no lock is left
        with self._file.locked():
            before = self.load()
            after = change(before)
            if after != before:
                self._write(after)
            return after

    def reseal(self, passphrase: Secret | None) -> None:
        """Seal the file with another passphrase; None takes the seal off.

        Raises:
            KeyFileError: as for `edit`.
        """
        self._file.read()
        with self._file.locked():
            ring = self.load()
            before, self._passphrase = self._passphrase, self._checked(passphrase)
            try:
                self._write(ring)
            except KeyFileError:
                self._passphrase = before
                raise

    def _checked(self, passphrase: Secret | None) -> Secret | None:
        if passphrase is not None and not passphrase.reveal():
            raise KeyFileError(f"{self.path}: its passphrase is empty; give one, or none at all")
        return passphrase

    def _write(self, ring: KeyRing, *, is_new: bool = False) -> None:
        KeyRing.from_jwks(ring.to_jwks())  # rule 3
        self._file.replace(self._content(ring), is_new=is_new)
        self._mark = self._file.mark()

    def _content(self, ring: KeyRing) -> memoryview:
        plain = json.dumps(ring.to_jwks(), indent=1).encode() + b"\n"
        return memoryview(plain if self._passphrase is None else seal(plain, self._passphrase))

    def _read(self, content: memoryview) -> tuple[KeyRing | None, str]:
        """The keys, or the fault and the remedy: a value, since an exception would carry plain text in its frames."""
        document = _decoded(bytes(content))
        if is_sealed(document):
            if self._passphrase is None:
                return None, "is sealed; set WSSEC_KEYS_PASSPHRASE or WSSEC_KEYS_PASSPHRASE_FILE"
            try:
                document = _decoded(unseal(document, self._passphrase))
            except ValueError as error:
                return None, f"{error}; check WSSEC_KEYS_PASSPHRASE, or {_RESTORE}"
        elif document is not None and self._passphrase is not None:
            return None, "is not sealed, though a passphrase is set; unset WSSEC_KEYS_PASSPHRASE, or use KeyFile.reseal"
        if document is None:
            return None, f"is torn, or not one of ours; {_RESTORE}"
        try:
            return KeyRing.from_jwks(document), ""
        except ConfigurationError as error:
            return None, f"cannot be used; mend it, or {_RESTORE}. {error}"


def _decoded(text: bytes) -> Any:
    """The JSON value, or None where it is none."""
    with suppress(MalformedFrame):
        return decode_json(text, _JSON)
    return None
