"""What `wssec schemas` writes for clients, and what it says of a contract that has changed."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from ..errors import ConfigurationError
from ..exports.asyncapi import export_asyncapi
from ..exports.comparison import Change, compare
from ..exports.json_schema import TYPE_KEY, export_json_schema, json_schema_of
from ..exports.python_types import export_python
from ..exports.typescript import export_typescript
from ..policy.codec import Envelope
from ..policy.registry import Registry
from .commands import Refused, told_as
from .tables import print_table

FORMATS: Final[Mapping[str, Callable[[Registry, Envelope], str]]] = MappingProxyType(
    {
        "json-schema": export_json_schema,
        "asyncapi": export_asyncapi,
        "typescript": export_typescript,
        "python": lambda registry, envelope: export_python(registry),  # of `data`, which is the same in any
    }
)
CHANGE_TITLES: Final = ("breaks clients", "where", "what")


def write_export(registry: Registry, format: str, path: Path | None, envelope: Envelope) -> None:
    """Write the contract to a file, or print it.

    Raises:
        ConfigurationError: the declarations do not start, so that nobody could keep to what they say.
    """
    if problems := registry.problems():
        raise ConfigurationError(problems)
    text = FORMATS[format](registry, envelope)
    if path is None:
        click.echo(text, nl=False)
    else:
        path.write_text(text, encoding="utf-8")
        click.echo(f"{path}: {len(registry.messages)} messages and {len(registry.channels)} channels")


def changes_since(path: Path, registry: Registry) -> list[Change]:
    """What has changed since an export was made.

    Raises:
        Refused: the file is no export of messages.
    """
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise Refused(f"{path} is no JSON; make it by `wssec schemas export --format json-schema -o {path}`") from None
    with told_as(Refused):
        flat = before.get(TYPE_KEY) if isinstance(before, dict) else None
        after = json_schema_of(registry, envelope_of(flat))
        return compare(before, json.loads(json.dumps(after)))


def envelope_of(flat: object) -> Envelope:
    """The envelope whose key for the type is `flat`; None: the one that is not flat.

    Raises:
        ValueError: it can be no key.
    """
    if flat is None:
        return Envelope()
    if not isinstance(flat, str):
        raise ValueError(f"{flat!r:.64} cannot be the key of the type")
    return Envelope.flat(type=flat)


def print_changes(changes: Sequence[Change]) -> None:
    """Print what has changed, what breaks clients first."""
    if not changes:
        click.echo("nothing has changed")
        return
    rows = sorted(changes, key=lambda change: not change.is_breaking)
    print_table(CHANGE_TITLES, [("yes" if one.is_breaking else "no", one.where, one.what) for one in rows])
