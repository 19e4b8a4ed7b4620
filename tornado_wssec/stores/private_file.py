"""A file that its owner alone may read, replaced whole or not at all.

Rules of this file:
1. A file is 0600 from the moment it exists (O_CREAT and O_EXCL), whatever the umask; nothing is ever mended by chmod.
2. What is open to others, another's, or a symbolic link is refused, and a directory in which others can replace it.
3. A new version is written beside the old one, flushed, renamed over it, and the directory flushed: a crash at any
   step leaves the old version or the new one, and at most a leftover that the next writer removes.
4. Each operation goes through one descriptor of the directory: nobody can swap it between a check and its use.
5. Contents travel as memoryviews, which do not print themselves in a traceback.
"""

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import KeyFileError

BYTES_MOST: Final = 4 * 1024 * 1024
"""A larger file is not ours."""

_RETRY_SECONDS: Final = 0.02
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PRIVATE: Final = stat.S_IRUSR | stat.S_IWUSR


class Mark(NamedTuple):
    """What differs once a file has been replaced or changed."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Mark":
        """The mark of what was found."""
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class PrivateFile:
    """One private file and the lock beside it.

    Args:
        path: made absolute now, so that a later chdir does not move it.
        lock_wait: seconds to wait for another process's change.
    """

    def __init__(self, path: str | os.PathLike[str], lock_wait: float) -> None:
        self.path = Path(path).absolute()
        self._name = self.path.name
        self._lock_wait = lock_wait

    def read(self) -> tuple[memoryview, Mark]:
        """Return the content and its mark.

        Raises:
            KeyFileError: it is missing, too open, another's, a link, or cannot be read.
        """
        with self._directory() as directory:
            try:
                with _opened(self._name, directory) as descriptor:
                    found = os.fstat(descriptor)
                    self._check(found)
                    return memoryview(_content(descriptor)), Mark.of(found)
            except OSError as error:
                raise self._error(*_why_not_read(error)) from None

    def mark(self) -> Mark | None:
        """The mark of the file as it is now; None where there is none. One system call."""
        try:
            return Mark.of(os.stat(self.path, follow_symlinks=False))
        except OSError:
            return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out. The lock goes with the process that holds it, however it ends.

        Raises:
            KeyFileError: another holds it for longer than `lock_wait`.
        """
        lock = f"{self._name}.lock"
        with self._directory() as directory:
            try:
                descriptor = os.open(lock, _LOCK, _PRIVATE, dir_fd=directory)
            except OSError as error:
                raise self._error(
                    f"has a lock {lock} that cannot be opened: {error.strerror}", "check the directory"
                ) from None
            try:
                self._wait_for(descriptor, lock)
                yield
            finally:
                os.close(descriptor)

    def replace(self, content: memoryview, *, is_new: bool) -> None:
        """Put `content` in the place of the old version. Only while locked.

        Args:
            is_new: that there is one already is an error.

        Raises:
            KeyFileError: there is one already, or the disk refuses. The old version is intact, unless
                the error says that the new one may be lost.
        """
        with self._directory() as directory:
            if is_new and self._exists(directory):
                raise self._error(
                    "is there already", "choose another name, or remove it if no token of its keys is in use"
                )
            temporary = f"{self._name}.{secrets.token_hex(8)}.tmp"
            try:
                self._sweep(directory)
                _write(directory, temporary, content)
                os.rename(temporary, self._name, src_dir_fd=directory, dst_dir_fd=directory)
            except OSError as error:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=directory)
                raise self._error(f"cannot be written: {error.strerror}", "see to the disk, and run it again") from None
            self._flush(directory)

    @contextmanager
    def _directory(self) -> Iterator[int]:
        """A descriptor of the directory, if nobody else can replace files in it."""
        parent = self.path.parent
        try:
            descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise KeyFileError(f"{parent}: is missing; make it with `mkdir -m 700 {parent}`") from None
        except OSError as error:
            fault = f"{parent}: is no directory that can be opened ({error.strerror})"
            raise KeyFileError(f"{fault}; name the directory itself, not a link to it") from None
        try:
            self._check_directory(os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    def _check_directory(self, found: os.stat_result) -> None:
        parent = self.path.parent
        if found.st_uid not in (os.geteuid(), 0):
            raise KeyFileError(
                f"{parent}: belongs to user {found.st_uid}, who can replace the key file; chown it, or move it"
            )
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
            raise KeyFileError(f"{parent}: others can replace files in it; run `chmod go-w {parent}`")

    def _check(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise self._error("is no regular file", "name the key file itself")
        if found.st_uid != os.geteuid():
            remedy = f"run as that user, or `chown` it to user {os.geteuid()}"
            raise self._error(f"belongs to user {found.st_uid}", remedy)
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            remedy = f"run `chmod 600 {self.path}`, and rotate the keys if somebody may have read them"
            raise self._error(f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})", remedy)
        if found.st_size > BYTES_MOST:
            raise self._error(f"has {found.st_size} bytes", "name a key file; this is none")

    def _wait_for(self, descriptor: int, lock: str) -> None:
        give_up_at = time.monotonic() + self._lock_wait
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up_at:
                    remedy = f"find who holds {lock} (`fuser`), and run it again"
                    raise self._error(
                        f"is being changed by another process for {self._lock_wait:g} s", remedy
                    ) from None
            except OSError as error:
                raise self._error(f"cannot be locked: {error.strerror}", "keep it on a local file system") from None
            time.sleep(_RETRY_SECONDS)

    def _flush(self, directory: int) -> None:
        """See the renaming on the disk."""
        try:
            os.fsync(directory)
        except OSError as error:
            fault = f"is replaced, but a power cut may bring the old one back: {error.strerror}"
            raise self._error(fault, "see to the disk before it is restarted") from None

    def _exists(self, directory: int) -> bool:
        try:
            os.stat(self._name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _sweep(self, directory: int) -> None:
        """Remove what a writer left that was killed. We hold the lock, so nobody is writing."""
        for name in os.listdir(directory):
            if name.startswith(f"{self._name}.") and name.endswith(".tmp"):
                with suppress(OSError):
                    os.unlink(name, dir_fd=directory)

    def _error(self, fault: str, remedy: str) -> KeyFileError:
        return KeyFileError(f"{self.path}: {fault}; {remedy}")


def _write(directory: int, name: str, content: memoryview) -> None:
    """Write a new file and see it on the disk."""
    descriptor = os.open(name, _CREATE, _PRIVATE, dir_fd=directory)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != _PRIVATE:
            raise PermissionError(errno.EPERM, "the umask or the file system does not let it be 0600")
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _opened(name: str, directory: int) -> Iterator[int]:
    descriptor = os.open(name, _READ, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(BYTES_MOST)


def _why_not_read(error: OSError) -> tuple[str, str]:
    """Fault and remedy."""
    if isinstance(error, FileNotFoundError):
        return "is missing", "make it with `wssec keys generate`, or set WSSEC_KEYS to where it is"
    return f"cannot be read: {error.strerror}", "name the file itself, not a link to it, and run as its owner"
