"""A file that its owner alone may read: what is refused, and how it is replaced."""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tornado_wssec.errors import KeyFileError
from tornado_wssec.stores.private_file import BYTES_MOST, PrivateFile

OLD, NEW = memoryview(b"old"), memoryview(b"new, and longer")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is, with the old content."""
    place = tmp_path / "keys.json"
    write(place, OLD)
    return place


def write(place: Path, content: memoryview, *, is_new: bool = True) -> None:
    """Put the content there, as a caller does."""
    file = PrivateFile(place, 0)
    with file.locked():
        file.replace(content, is_new=is_new)


def refusal(place: Path) -> str:
    """What reading it is refused with, without the path."""
    with pytest.raises(KeyFileError) as caught:
        PrivateFile(place, 0).read()
    assert (None, True) == (caught.value.__cause__, caught.value.__suppress_context__ or not caught.value.__context__)
    return str(caught.value).removeprefix(f"{place}: ")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Under another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_read_gives_content_and_mark(path: Path) -> None:
    """The mark is that of the file as it stands."""
    file = PrivateFile(path, 0)
    content, mark = file.read()

    assert (b"old", file.mark()) == (bytes(content), mark)


def test_path_is_made_absolute_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that changes its directory still finds it."""
    monkeypatch.chdir(tmp_path)
    write(Path("keys.json"), OLD)
    file = PrivateFile("keys.json", 0)
    monkeypatch.chdir("/")

    assert b"old" == bytes(file.read()[0])


# --- what is refused ---


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o601, 0o660, 0o666, 0o620, 0o777])
def test_read_refuses_what_is_open_to_others(path: Path, mode: int) -> None:
    """One bit is enough; the remedy says what may have happened already."""
    path.chmod(mode)

    assert f"is open to others (mode {mode:04o}); run `chmod 600 {path}`, and rotate the keys" in refusal(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_read_takes_what_is_private(path: Path, mode: int) -> None:
    """Read-only is private, too."""
    path.chmod(mode)

    assert b"old" == bytes(PrivateFile(path, 0).read()[0])


def test_read_refuses_what_is_missing(tmp_path: Path) -> None:
    """The file, or its directory."""
    with pytest.raises(KeyFileError, match=r"/no: is missing; make it with `mkdir -m 700 .*/no`"):
        PrivateFile(tmp_path / "no" / "keys.json", 0).read()

    assert "is missing; make it with `wssec keys generate`, or set WSSEC_KEYS to where it is" == refusal(tmp_path / "k")


def test_read_refuses_links(path: Path) -> None:
    """To the file, and to its directory; a link can be pointed elsewhere."""
    link, directory = path.with_name("link"), path.parent.with_name(path.parent.name + "-link")
    link.symlink_to(path)
    directory.symlink_to(path.parent)
    remedy = "name the file itself, not a link to it, and run as its owner"

    assert f"cannot be read: {os.strerror(errno.ELOOP)}; {remedy}" == refusal(link)
    with pytest.raises(KeyFileError, match=r"-link: is no directory that can be opened .*; name the directory itself"):
        PrivateFile(directory / path.name, 0).read()


def test_read_refuses_what_is_no_file(tmp_path: Path) -> None:
    """A pipe would hang, a directory holds no keys."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "directory").mkdir(mode=0o700)

    assert "is no regular file; name the key file itself" == refusal(tmp_path / "pipe")
    assert "is no regular file; name the key file itself" == refusal(tmp_path / "directory")


def test_read_refuses_what_is_enormous(path: Path) -> None:
    """Before a byte of it is read."""
    os.truncate(path, BYTES_MOST + 1)

    assert f"has {BYTES_MOST + 1} bytes; name a key file; this is none" == refusal(path)


def test_read_refuses_the_file_of_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns it can change it, root or not."""
    owner = os.geteuid()
    monkeypatch.setattr(os, "fstat", lambda fd, real=os.fstat: _of(owner, real(fd), fd))
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert f"belongs to user {owner}; run as that user, or `chown` it to user {owner + 1}" == refusal(path)


def _of(owner: int, found: os.stat_result, descriptor: int) -> Any:
    """What fstat says, where the directory belongs to whoever asks and the file does not."""
    if not stat.S_ISDIR(found.st_mode):
        return found
    fields = list(found)
    fields[stat.ST_UID] = owner + 1
    return os.stat_result(fields)


def test_directory_of_another_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the directory can replace the file; root could anyway."""
    owner = path.parent.stat().st_uid
    real = os.fstat

    def of_somebody(descriptor: int) -> os.stat_result:
        fields = list(real(descriptor))
        fields[stat.ST_UID] = owner + 7
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", of_somebody)
    with pytest.raises(KeyFileError, match=f"belongs to user {owner + 7}, who can replace the key file; chown it"):
        PrivateFile(path, 0).read()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720, 0o702])
def test_directory_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    """Reading, locking and writing alike."""
    path.parent.chmod(mode)
    file = PrivateFile(path, 0)
    said = f"{path.parent}: others can replace files in it; run `chmod go-w {path.parent}`"

    with pytest.raises(KeyFileError) as caught:
        file.read()
    assert said == str(caught.value)
    with pytest.raises(KeyFileError) as caught, file.locked():
        pass
    assert said == str(caught.value)


@pytest.mark.parametrize("mode", [0o755, 0o1777, 0o1770, 0o700])
def test_directory_where_nobody_else_can_replace_it(path: Path, mode: int) -> None:
    """Readable by others, or sticky as /tmp is."""
    path.parent.chmod(mode)

    assert b"old" == bytes(PrivateFile(path, 0).read()[0])


# --- replacing ---


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o177])
def test_replace_makes_private_files_under_any_umask(tmp_path: Path, mask: int) -> None:
    """The file and its lock."""
    with umask(mask):
        write(tmp_path / "keys.json", NEW)

    assert {"keys.json": 0o600, "keys.json.lock": 0o600} == {
        found.name: stat.S_IMODE(found.stat().st_mode) for found in tmp_path.iterdir()
    }


def test_replace_refuses_a_umask_that_locks_the_owner_out(path: Path) -> None:
    """What could not be read tomorrow does not replace what can be read today."""
    with umask(0o777), pytest.raises(KeyFileError, match="the umask or the file system does not let it be 0600"):
        write(path, NEW, is_new=False)

    assert (b"old", ["keys.json", "keys.json.lock"]) == (path.read_bytes(), names(path))


def names(path: Path) -> list[str]:
    """What lies in the directory."""
    return sorted(found.name for found in path.parent.iterdir())


def test_replace_opens_only_with_private_modes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment a file exists it is private, and exclusive: no chmod comes later."""
    seen: list[tuple[int, int]] = []
    real = os.open

    def watched(name: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
        if flags & os.O_CREAT:
            seen.append((flags & (os.O_EXCL | os.O_NOFOLLOW), mode))
        return real(name, flags, mode, **options)

    monkeypatch.setattr(os, "open", watched)
    monkeypatch.setattr(os, "chmod", None)
    monkeypatch.setattr(os, "fchmod", None)
    write(path, NEW, is_new=False)

    assert [(os.O_NOFOLLOW, 0o600), (os.O_EXCL | os.O_NOFOLLOW, 0o600)] == seen


def test_replace_flushes_before_and_after_the_rename(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, rename, directory: in any other order a power cut could leave an empty file."""
    steps: list[str] = []
    sync, rename = os.fsync, os.rename

    def synced(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def renamed(*names: Any, **options: Any) -> None:
        steps.append("rename")
        rename(*names, **options)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    write(path, NEW, is_new=False)

    assert ["file", "rename", "directory"] == steps


def test_replace_writes_on_where_the_system_writes_less(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short write is not an end."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:4]))
    write(path, NEW, is_new=False)

    assert b"new, and longer" == path.read_bytes()


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_replace_leaves_the_old_where_the_disk_refuses(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The new one is gone without a trace, and the error holds nothing of it."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(KeyFileError, match="cannot be written: No space left on device; see to the disk"):
        write(path, NEW, is_new=False)

    assert (b"old", ["keys.json", "keys.json.lock"]) == (path.read_bytes(), names(path))


def test_replace_new_refuses_what_is_there(path: Path) -> None:
    """A link that points nowhere counts, too."""
    path.with_name("link").symlink_to("nowhere")

    for place in (path, path.with_name("link")):
        with pytest.raises(KeyFileError, match="is there already; choose another name, or remove it if no token"):
            write(place, NEW)
    assert b"old" == path.read_bytes()


def test_replace_removes_what_a_killed_writer_left(path: Path) -> None:
    """And nothing else."""
    for name in ("keys.json.0123.tmp", "keys.json.bak", "other.json.0123.tmp", "keys.json.d.tmp"):
        path.with_name(name).write_bytes(b"x")
    path.with_name("keys.json.dir.tmp").mkdir()
    write(path, NEW, is_new=False)

    kept = ["keys.json", "keys.json.bak", "keys.json.dir.tmp", "keys.json.lock", "other.json.0123.tmp"]
    assert kept == names(path)


def test_read_tells_what_the_disk_says(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails while it is read is an error like any other, and no descriptor stays open."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    before = len(os.listdir("/dev/fd"))
    monkeypatch.setattr(os, "fdopen", fail)

    assert "cannot be read: Input/output error; name the file itself" in refusal(path)
    assert before == len(os.listdir("/dev/fd"))


def test_replace_tells_when_the_new_one_may_be_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory could not be flushed: the new content is there, today."""
    real = os.fsync

    def fail_on_directories(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_on_directories)
    with pytest.raises(
        KeyFileError, match="is replaced, but a power cut may bring the old one back: Input/output error"
    ):
        write(path, NEW, is_new=False)

    assert (b"new, and longer", ["keys.json", "keys.json.lock"]) == (path.read_bytes(), names(path))


# --- the lock ---


def test_lock_keeps_others_out_and_says_so(path: Path) -> None:
    """Two descriptors are two holders, in one process or in two."""
    with PrivateFile(path, 0).locked():
        assert_locked(path, r"is being changed by another process for 0 s; find who holds keys.json.lock \(`fuser`\)")

    with PrivateFile(path, 0).locked():
        pass


def assert_locked(path: Path, said: str) -> None:
    """Nobody else gets the lock, and the error says this."""
    with pytest.raises(KeyFileError, match=said), PrivateFile(path, 0).locked():
        pass


def test_lock_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second goes on when the first is done."""
    first = path.with_name("keys.json.lock").open("r+b")
    fcntl.flock(first, fcntl.LOCK_EX)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            first.close()

    monkeypatch.setattr(time, "sleep", sleep)
    with PrivateFile(path, 3600).locked():
        pass

    assert 3 == len(waits)


def test_lock_is_released_by_an_error(path: Path) -> None:
    """Whatever happens while it is held."""
    with pytest.raises(ZeroDivisionError), PrivateFile(path, 0).locked():
        raise ZeroDivisionError

    with PrivateFile(path, 0).locked():
        pass


def test_lock_that_the_file_system_does_not_know(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems have no locks."""

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert_locked(path, "cannot be locked: No locks available; keep it on a local file system")


def test_lock_that_is_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    """Nobody's file is created or locked in its place."""
    path.with_name("keys.json.lock").unlink()
    path.with_name("keys.json.lock").symlink_to(tmp_path / "victim")

    assert_locked(path, r"has a lock keys.json.lock that cannot be opened: .*; check the directory")
    assert not (tmp_path / "victim").exists()


# --- marks ---


def test_mark_differs_once_something_has_changed(path: Path) -> None:
    """Content, replacement by content of the same size, rights; and None where there is no file."""
    file = PrivateFile(path, 0)
    marks = [file.mark()]
    write(path, memoryview(b"odl"), is_new=False)
    marks.append(file.mark())
    os.utime(path, ns=(1, 1))
    marks.append(file.mark())
    path.chmod(0o400)
    marks.append(file.mark())
    path.unlink()

    assert (4, None) == (len(set(marks)), file.mark())
