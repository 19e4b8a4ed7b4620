"""A pytest plugin that lets every `Schema.load` of a test run go our way: gates, then what was written for the schema.

It is loaded into a run of marshmallow's own tests, by its own name, since those are a package `tests`, too.
"""

import copy
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from marshmallow import Schema, fields

from tornado_wssec.policy.anatomy import levels_of
from tornado_wssec.policy.gates import guard_loading
from tornado_wssec.policy.ways import Ways

COUNTS: Final = "WSSEC_COUNTS"
"""The variable that names the file for what was counted."""

_load: Final = Schema.load


class OurWay:
    """What stands in the place of `Schema.load`, and counts.

    Attributes:
        counts: `accepted` by a function written for the schema, `judged` by marshmallow behind our gates, or `left`
            to marshmallow alone, since no message is loaded so.
        tests: those in which something went our way.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.tests: set[str] = set()
        self.running = ""
        self._ours: dict[int, tuple[Schema, Schema | None, Ways | None]] = {}
        self._is_within = False

    def load(self, schema: Schema, data: Any, **options: Any) -> Any:
        """As `Schema.load`."""
        if self._is_within:
            return _load(schema, data, **options)
        self._is_within = True
        try:
            return self._load(schema, data, options)
        finally:
            self._is_within = False

    def _load(self, schema: Schema, data: Any, options: dict[str, Any]) -> Any:
        _, ours, ways = self._made_of(schema)
        if ours is None or ways is None or schema.many or any(value is not None for value in options.values()):
            self.counts["left"] += 1
            return _load(schema, data, **options)
        self.tests.add(self.running)
        if ways.load is not None and (accepted := ways.load(data)) is not None:
            self.counts["accepted"] += 1
            assert plain(accepted) == plain(_load(schema, data)), (
                "what was accepted is not what marshmallow makes of it"
            )
            return accepted
        self.counts["judged"] += 1
        return _load(ours, data)

    def _made_of(self, schema: Schema) -> tuple[Schema, Schema | None, Ways | None]:
        made = self._ours.get(id(schema))
        if made is None or made[0] is not schema:
            try:
                ours = copied(schema, {})
                guard_loading(levels_of(ours))
                made = schema, ours, Ways.of(ours, copied(schema, {}), type(schema).__name__, compiled=True)
            except (ValueError, RecursionError):  # nested without an end; such a message does not start
                made = schema, None, None
            self._ours[id(schema)] = made
        return made


def plain(value: Any) -> Any:
    """A value that can be compared: of objects without an equality of their own, which kind it is and what it has."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    is_bare = hasattr(value, "__dict__") and "__eq__" not in {
        name for kind in type(value).__mro__[:-1] for name in vars(kind)
    }
    return (type(value), sorted(vars(value))) if is_bare else value


def copied(schema: Schema, made: dict[int, Schema]) -> Schema:
    """A schema with fields of its own, at every depth, so that gates on it are on no other."""
    if id(schema) in made:
        return made[id(schema)]
    ours = made[id(schema)] = copy.copy(schema)
    found: dict[int, fields.Field[Any]] = {}
    for name in ("fields", "load_fields", "dump_fields", "declared_fields"):
        members = {key: _copied_field(field, found, made) for key, field in getattr(schema, name).items()}
        setattr(ours, name, members)
    return ours


def _copied_field(
    field: fields.Field[Any], found: dict[int, fields.Field[Any]], made: dict[int, Schema]
) -> fields.Field[Any]:
    if id(field) in found:
        return found[id(field)]
    ours: Any = copy.copy(field)
    found[id(field)] = ours
    for name in ("inner", "key_field", "value_field"):
        if isinstance(getattr(field, name, None), fields.Field):
            setattr(ours, name, _copied_field(getattr(field, name), found, made))
    if isinstance(field, fields.Tuple):
        ours.tuple_fields = [_copied_field(one, found, made) for one in field.tuple_fields]
    if isinstance(field, fields.Nested):
        ours._schema = copied(field.schema, made)
    copied_one: fields.Field[Any] = ours
    return copied_one


class Plugin:
    """What pytest calls."""

    def __init__(self) -> None:
        self._way = OurWay()
        self._failed: list[str] = []
        self._run = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Remember which test is running."""
        self._way.running = item.nodeid

    def pytest_sessionstart(self) -> None:
        """Take the place of `Schema.load`."""
        way = self._way

        def load(schema: Schema, data: Any, **options: Any) -> Any:
            return way.load(schema, data, **options)

        setattr(Schema, "load", load)  # noqa: B010  # what it takes the place of has another type to mypy

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what has failed."""
        self._run += report.when == "call"
        if report.failed:
            self._failed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Tell what was counted."""
        told = {**self._way.counts, "run": self._run, "tests": len(self._way.tests), "failed": self._failed}
        Path(os.environ[COUNTS]).write_text(json.dumps(told))


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    config.pluginmanager.register(Plugin(), "through-ours")
