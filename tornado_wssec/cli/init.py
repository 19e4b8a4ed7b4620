"""`wssec init`: a key file, a store and an environment file for one deployment.

Rules of this file:
1. Nothing that exists is touched; the refusal names all of it.
2. Everything is made for its owner alone (0600, directories 0700), whatever the umask.
3. A failure half-way takes back what this run made.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from ..policy.keys import KeyRing
from ..settings import Settings
from . import starting
from .commands import Command, Refused, WrongUsage
from .context import key_file, make_store, now, read_settings
from .output import json_option, note, print_facts, print_json
from .publication import publish

KEYS: Final = "keys.json"
STORE: Final = "wssec.db"
ENVIRONMENT: Final = "wssec.env"

ORIGINS_WANTED: Final = ("#WSSEC_ORIGINS=https://app.example.com",)

PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@+=,-]+")
"""What a shell, systemd and container runtimes all read alike without quotes."""


@click.command(cls=Command, example="wssec init chat --issuer https://auth.example.com --audience chat")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--issuer", help="Who issues the tokens (iss); the directory's name otherwise.")
@click.option("--audience", help="Whom they are for (aud); the directory's name otherwise.")
@click.option("--starter", is_flag=True, help="A chat application too: server, page and all, to run and to change.")
@json_option
def init(directory: Path, issuer: str | None, audience: str | None, starter: bool, as_json: bool) -> None:
    """Make a key file, a store and wssec.env in DIR, the current directory otherwise.

    What exists is never overwritten. WSSEC_KEYS_PASSPHRASE, where set, seals the key file. With --starter the last
    lines say how to run the application.

    JSON: {directory, environment, keys, store, kid}.
    """
    place = _absolute(directory)
    names = (KEYS, STORE, ENVIRONMENT, *(starting.NAMES if starter else ()))
    _refuse_existing(place, names)
    settings = read_settings(
        optional=("keys_passphrase",),
        store=_store_url(place),
        keys=str(place / KEYS),
        issuer=issuer or _slug(place),
        audience=audience or _slug(place),
    )
    _make_directory(place)
    with _taking_back(place, names):
        if starter:
            starting.copy_application(place, _write_private)
        kid = _furnish(place, settings, ORIGINS_WANTED if not starter else starting.SETTINGS)
    _report(place, kid, as_json, starting.next_steps(directory) if starter else [])


def _absolute(directory: Path) -> Path:
    """The place with links resolved, so that wssec.env holds from everywhere."""
    place = Path(os.path.realpath(directory))
    if not str(place).isprintable() or set(str(place)) & set("?#%'"):
        raise WrongUsage(f"{str(place)!r} cannot stand in a store URL and in a shell's file; use a plainer name")
    return place


def _store_url(place: Path) -> str:
    return f"sqlite:///{place / STORE}"


def _slug(place: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", place.name).strip("-.") or "wssec"


def _refuse_existing(place: Path, names: Sequence[str]) -> None:
    found = [str(path) for path in (place / name for name in names) if os.path.lexists(path)]
    if found:
        raise Refused(
            f"{', '.join(found)} exists already; choose another directory, or `wssec keys rotate` for a new key"
        )


def _make_directory(place: Path) -> None:
    for missing in reversed([path for path in (place, *place.parents) if not path.exists()]):
        missing.mkdir(mode=0o700)


@contextmanager
def _taking_back(place: Path, names: Sequence[str]) -> Iterator[None]:
    """Remove what was made when the block fails: none of it is in use yet, and a second try needs the names."""
    before = set(place.iterdir())
    try:
        yield
    except BaseException:
        for path in set(place.iterdir()) - before:
            if path.is_dir() and path.name in names:
                shutil.rmtree(path)
            elif path.name.startswith(tuple(names)):
                path.unlink(missing_ok=True)
        raise


def _furnish(place: Path, settings: Settings, origins: Sequence[str]) -> str:
    """Make the three; the environment file last, since it says that the others are there."""
    at = now()
    ring = KeyRing().generate(now=at)
    file = key_file(settings)
    file.create(ring)
    make_store(settings, at)
    publish(settings, file)
    _write_private(place / ENVIRONMENT, _environment(place, settings, origins))
    return ring.current.kid


def _environment(place: Path, settings: Settings, origins: Sequence[str]) -> str:
    """The environment file's text, for `. ./wssec.env`, systemd's EnvironmentFile= and container runtimes."""
    lines = [
        "# Read by the server and by `wssec`: set -a; . ./wssec.env; set +a",
        f"WSSEC_STORE={_quoted(_store_url(place))}",
        f"WSSEC_KEYS={_quoted(str(place / KEYS))}",
        "# Who issues the tokens, and whom they are for.",
        f"WSSEC_ISSUER={_quoted(str(settings.issuer))}",
        f"WSSEC_AUDIENCE={_quoted(str(settings.audience))}",
        "# The pages that may connect, separated by commas: scheme, host and port, exactly.",
        *origins,
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text if PLAIN.fullmatch(text) else shlex.quote(text)


def _write_private(path: Path, text: str) -> None:
    """Write a new file of mode 0600 and see it safely on the disk, its name too."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _report(place: Path, kid: str, as_json: bool, steps: Sequence[str]) -> None:
    made = {
        "directory": str(place),
        "environment": str(place / ENVIRONMENT),
        "keys": str(place / KEYS),
        "store": _store_url(place),
        "kid": kid,
    }
    if as_json:
        print_json(made)
        return
    print_facts(made)
    if not steps:
        note(
            f"next: set -a; . {shlex.quote(str(place / ENVIRONMENT))}; set +a; keep these files out of version control"
        )
    for step in steps:
        click.echo(step)
