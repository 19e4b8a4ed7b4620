"""The ways that the messages of one type take: through functions written for it, or through marshmallow, and why."""

from dataclasses import dataclass
from typing import Final, Self

from marshmallow import Schema

from .compiler import Loader, compile_loader
from .dumping import Dumper, compile_dumper
from .hooks import late_hooks, with_hooks
from .plans import NoPlan, Value, dumping_plan, loading_plan, own_members
from .shapes import IS_THERE

OFF: Final = "marshmallow: compiled=False"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ways:
    """What was written for one type.

    Args:
        load: accepts what came; None: marshmallow alone does.
        dump: accepts what is to leave; None: marshmallow alone does.
        typable: what is asked of what comes, where types could say it; None: code of the application is asked.
        inward: the way of what comes, in words.
        outward: the way of what leaves, in words.
    """

    load: Loader | None
    dump: Dumper | None
    typable: Value | None
    inward: str
    outward: str

    @classmethod
    def of(cls, loader: Schema, dumper: Schema, title: str, *, compiled: bool) -> Self:
        """Write what can be written.

        Args:
            loader, dumper: instances of one schema, with their gates.
            title: what a traceback calls it.
            compiled: whether anything is to be written at all.
        """
        if not compiled:
            return cls(load=None, dump=None, typable=None, inward=OFF, outward=OFF)
        plan, inward = _planned(loader, is_dumping=False)
        leaving, outward = _planned(dumper, is_dumping=True)
        load, hooks = compile_loader(plan, f"{title} load") if plan else None, late_hooks(loader)
        if load is not None and hooks:
            load, inward = with_hooks(load, loader), f"{inward}, then {', '.join(hooks)}"
        return cls(
            load=load,
            dump=compile_dumper(leaving, f"{title} dump") if leaving else None,
            typable=None if plan is None or own_members(plan) or hooks else plan,
            inward=inward,
            outward=outward,
        )

    @property
    def is_final(self) -> bool:
        """Whether `load` refuses only what marshmallow would refuse, too: no code of the application is asked."""
        return self.typable is not None


def _planned(schema: Schema, *, is_dumping: bool) -> tuple[Value | None, str]:
    try:
        plan = dumping_plan(schema) if is_dumping else loading_plan(schema)
    except NoPlan as reason:
        return None, f"marshmallow: {reason}"
    own = len(own_members(plan))
    return plan, f"compiled, {own} field{'s' if own > 1 else ''} by marshmallow" if own else "compiled"


def typed(way: str) -> str:
    """The way of what comes where types can say it."""
    return "typed" if IS_THERE else f"{way}; typed where msgspec is installed"
