"""A group of settings that knows why each of its numbers is what it is."""

from collections.abc import Iterator
from dataclasses import Field, field, fields
from typing import Any, ClassVar, Final

from ..errors import ConfigurationError, Problem

KiB: Final = 1024
MiB: Final = 1024 * KiB


def default(value: Any, why: str, *, or_zero: bool = False) -> Any:
    """A default with its reason; values must be above 0, or may be 0 where that means something."""
    return field(default=value, metadata={"why": why, "or_zero": or_zero})


class Documented:
    """A frozen group of settings that checks itself and can tell why each number is what it is."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # every subclass is a dataclass

    def __post_init__(self) -> None:
        problems = [*self._out_of_range()] or [*self._contradictions()]
        if problems:
            raise ConfigurationError(problems)

    def _out_of_range(self) -> Iterator[Problem]:
        for item in fields(self):
            value = getattr(self, item.name)
            if "why" in item.metadata and (wanted := _fault(value, item)):
                where = f"{type(self).__name__}.{item.name}"
                yield Problem(where, f"{value!r} is not {wanted}", f"the default is {item.default!r}")

    def _contradictions(self) -> Iterator[Problem]:
        return iter(())

    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Name → (value, default) of everything that is not at its default."""
        pairs = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @classmethod
    def table(cls) -> list[tuple[str, Any, str]]:
        """Rows of (name, default, reason), from which the documentation is made."""
        return [(item.name, item.default, item.metadata["why"]) for item in fields(cls) if "why" in item.metadata]


def _fault(value: Any, item: Field[Any]) -> str:
    """What the value should have been; empty where it will do."""
    if value is None and item.default is None:
        return ""
    kinds, what = ((int, float), "number") if isinstance(item.default, float) else ((int,), "whole number")
    least = "of 0 or more" if item.metadata["or_zero"] else "above 0"
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    is_enough = is_number and (value > 0 or (value == 0 and item.metadata["or_zero"]))
    return "" if is_enough else f"a {what} {least}"
