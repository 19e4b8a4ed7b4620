"""Messages for Hypothesis: valid ones, and ones that are nearly so, so that users fuzz their own handlers.

    @given(messages(CHAT))
    def test_no_line_breaks_the_chat(message):
        asyncio.run(say(message.type, message.data))

Needs Hypothesis, which the extra `testing` brings. Each message is judged by the server's own validation before it is
handed out, so that a field's own code counts as well.

Fields that `bind` fills in are left out of messages, as clients may leave them out.
"""

import copy
import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from marshmallow import fields

from ..errors import ConfigurationError, InvalidMessage, Problem
from ..exports.bounds import Node
from ..exports.expressions import as_python
from ..exports.frames import Contract, contract_of
from ..exports.shapes import REF
from ..policy.messages import Message
from ..policy.registry import MessageSpec, Registry

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Values = Mapping[type[fields.Field[Any]] | tuple[type[Message], str], "SearchStrategy[Any]"]
"""What stands in fields of a class of the application's, or in one field of a message, by its name on the wire."""

_INTEGER_MOST: Final = 2**53 - 1
_TEXT_MOST: Final = 200
_STRANGERS: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 1.5, _INTEGER_MOST, 1e300, "", "x", "\n", "\0", "-1", "NaN", "x" * 5_000),
    *([], [None], {}, {"x": None}, [[[]]], "\u202e", "2026-02-30T00:00:00Z"),
)
"""What a value is replaced by in a near miss."""


class Spoken(NamedTuple):
    """A message as a client sends it: `client.request(*spoken)`."""

    type: str
    data: dict[str, Any]


def messages(registry: Registry, *declared: type[Message], values: Values | None = None) -> "SearchStrategy[Spoken]":
    """Messages that a client may send, each valid.

    Args:
        registry: what is declared.
        declared: classes to choose from; none: whatever clients may send as text.
        values: for fields of the application's own classes, which nothing else can know, and for single fields:
            `{Money: …, (chat.Send, "room"): sampled_from(["lobby"])}`.

    Raises:
        ConfigurationError: Hypothesis is not installed, or a field's class says nothing of what it takes.
    """
    st = _hypothesis()
    kinds = _kinds(registry, declared, values or {})
    found: SearchStrategy[Spoken] = st.one_of([kind.whole().map(kind.as_sent) for kind in kinds])
    return found


def near_misses(registry: Registry, *declared: type[Message], values: Values | None = None) -> "SearchStrategy[Spoken]":
    """Messages that are valid but for one thing, each refused: a field too many, one too few, a value just outside.

    Args and Raises: as for `messages`.
    """
    st = _hypothesis()
    kinds = _kinds(registry, declared, values or {})
    found: SearchStrategy[Spoken] = st.one_of([kind.missed() for kind in kinds])
    return found


def _kinds(registry: Registry, declared: tuple[type[Message], ...], values: Values) -> list["_Kind"]:
    contract = contract_of(registry)
    return [_Kind(spec, contract, values) for spec in _chosen(registry, declared)]


def _hypothesis() -> Any:
    try:
        from hypothesis import strategies
    except ImportError:
        problem = Problem("tornado_wssec.testing", "needs Hypothesis", "pip install 'tornado-wssec[testing]'")
    else:
        return strategies
    raise ConfigurationError([problem])


def _chosen(registry: Registry, declared: tuple[type[Message], ...]) -> list[MessageSpec]:
    """The specifications to choose from.

    Raises:
        ConfigurationError: clients may send none of them.
    """
    known = [spec for spec in registry.messages.values() if spec.direction != "out" and spec.binary is None]
    chosen = [spec for spec in known if not declared or spec.message in declared]
    if not chosen or len(chosen) < len(declared):
        raise ConfigurationError(
            [Problem("messages()", "names what no client may send as text", "name inbound messages")]
        )
    return chosen


class _Kind:
    """One type of message, and how to make messages of it."""

    def __init__(self, spec: MessageSpec, contract: Contract, values: Values) -> None:
        self._spec = spec
        self._st = _hypothesis()
        self._node = contract.frame(spec.type, "in").data
        self._objects = contract.objects
        self._by_field = {
            key[1]: value for key, value in values.items() if isinstance(key, tuple) and key[0] is spec.message
        }
        self._by_class = {key.__qualname__: value for key, value in values.items() if isinstance(key, type)}

    def whole(self) -> Any:
        """Valid data, with the fields that the server would fill in."""
        node = self._node
        required = {*node.get("required", ()), *self._spec.bind}
        made = {name: self._field(name, below) for name, below in node["properties"].items()}
        always = {name: strategy for name, strategy in made.items() if name in required}
        others = {name: strategy for name, strategy in made.items() if name not in required}
        return self._st.fixed_dictionaries(always, optional=others).filter(self._is_valid)

    def as_sent(self, data: Mapping[str, Any]) -> Spoken:
        """The message without what the server fills in."""
        return Spoken(self._spec.type, {name: value for name, value in data.items() if name not in self._spec.bind})

    def missed(self) -> Any:
        """Messages that are refused."""
        return self.whole().flatmap(self._missing)

    def _missing(self, valid: dict[str, Any]) -> Any:
        """What is nearly this message, and refused."""
        st = self._st
        sent = self.as_sent(valid).data
        filled = {name: valid[name] for name in self._spec.bind}
        places = st.sampled_from([[], *_paths(sent)])
        spoilt = places.flatmap(lambda path: st.sampled_from(_changes(_at(sent, path))).map(_Spoiling(sent, path)))
        refused = spoilt.filter(lambda data: not self._is_valid({**filled, **data}))
        return refused.map(lambda data: Spoken(self._spec.type, data))

    def _is_valid(self, data: dict[str, Any]) -> bool:
        try:
            self._spec.load(copy.deepcopy(data))
        except InvalidMessage:
            return False
        return True

    def _field(self, name: str, node: Node) -> Any:
        return self._by_field[name] if name in self._by_field else self._of(node, name)

    def _of(self, node: Any, path: str) -> Any:
        """What fits a schema."""
        st = self._st
        if "$ref" in node:
            name = unquote(node["$ref"].removeprefix(REF))
            return st.deferred(lambda: self._of(self._objects[name], name))
        if "x-wssec-field" in node and node["x-wssec-field"] in self._by_class:
            return self._by_class[node["x-wssec-field"]]
        if "const" in node:
            return st.just(node["const"])
        if "enum" in node:
            return st.sampled_from(node["enum"])
        if "anyOf" in node:
            return st.one_of([self._of({**_without(node, "anyOf"), **one}, path) for one in node["anyOf"]])
        kinds = node.get("type", [])
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if not kinds:
            raise ConfigurationError([_unknown(self._spec, path, node)])
        return st.one_of([getattr(self, f"_{kind}")(node, path) for kind in kinds])

    def _null(self, node: Node, path: str) -> Any:
        return self._st.none()

    def _boolean(self, node: Node, path: str) -> Any:
        return self._st.booleans()

    def _integer(self, node: Node, path: str) -> Any:
        least = max(node.get("minimum", -_INTEGER_MOST), node.get("exclusiveMinimum", -math.inf) + 1)
        most = min(node.get("maximum", _INTEGER_MOST), node.get("exclusiveMaximum", math.inf) - 1)
        made = self._st.integers(math.ceil(least), math.floor(most))
        return made.filter(lambda value: value % node.get("multipleOf", 1) == 0)

    def _number(self, node: Node, path: str) -> Any:
        exact = {
            "min_value": node.get("minimum", node.get("exclusiveMinimum")),
            "max_value": node.get("maximum", node.get("exclusiveMaximum")),
            "exclude_min": "exclusiveMinimum" in node,
            "exclude_max": "exclusiveMaximum" in node,
        }
        return self._st.floats(**exact, allow_nan=False, allow_infinity=False)

    def _string(self, node: Node, path: str) -> Any:
        st, format = self._st, str(node.get("format"))
        if format in _FORMATS:
            return _FORMATS[format](st, node)
        expression = node.get("x-wssec-expression") or as_python(node.get("pattern", ""))
        if expression:
            return st.from_regex(re.compile(expression))
        most = min(node.get("maxLength", _TEXT_MOST), max(_TEXT_MOST, node.get("minLength", 0)))
        letters = st.characters(codec="utf-8", exclude_characters="\0")
        return st.text(letters, min_size=node.get("minLength", 0), max_size=most)

    def _array(self, node: Node, path: str) -> Any:
        st = self._st
        if "prefixItems" in node:
            items = [self._of(item, f"{path}[{place}]") for place, item in enumerate(node["prefixItems"])]
            return st.tuples(*items).map(list)
        inner = self._of(node.get("items", {}), f"{path}[]")
        return st.lists(inner, min_size=node.get("minItems", 0), max_size=node.get("maxItems"))

    def _object(self, node: Node, path: str) -> Any:
        st = self._st
        if "properties" in node:
            made = {name: self._of(below, f"{path}.{name}") for name, below in node["properties"].items()}
            needed = {name: one for name, one in made.items() if name in node.get("required", ())}
            return st.fixed_dictionaries(needed, optional={n: one for n, one in made.items() if n not in needed})
        keys = self._of({"type": "string", **node.get("propertyNames", {})}, f"{path}{{key}}")
        below = self._of(node.get("additionalProperties", {}), f"{path}{{}}")
        sizes = {"min_size": node.get("minProperties", 0), "max_size": node.get("maxProperties")}
        return st.dictionaries(keys, below, **sizes)


def _decimals(st: Any, node: Node) -> Any:
    limits = [Decimal(node[name]) for name in ("x-wssec-minimum", "x-wssec-exclusiveMinimum") if name in node]
    most = [Decimal(node[name]) for name in ("x-wssec-maximum", "x-wssec-exclusiveMaximum") if name in node]
    places, digits = node.get("x-wssec-places", 2), node.get("x-wssec-digits", 15)
    largest = Decimal(10 ** (digits - places) - 1)
    made = st.decimals(max([-largest, *limits]), min([largest, *most]), places=places, allow_nan=False)
    return made.map(lambda value: format(value, "f"))


_FORMATS: Final[Mapping[str, Any]] = {
    "date-time": lambda st, node: st.datetimes(timezones=st.just(dt.UTC)).map(dt.datetime.isoformat),
    "date": lambda st, node: st.dates().map(dt.date.isoformat),
    "uuid": lambda st, node: st.uuids().map(str),
    "ipv4": lambda st, node: st.ip_addresses(v=4).map(str),
    "ipv6": lambda st, node: st.ip_addresses(v=6).map(str),
    "email": lambda st, node: st.from_regex(re.compile(r"[a-z]{1,8}@[a-z]{1,8}\.example\.com\Z")),
    "uri": lambda st, node: st.from_regex(re.compile(r"https://[a-z]{1,8}\.example\.com(/[a-z0-9]{0,8}){0,2}\Z")),
    "decimal": _decimals,
}


def _without(node: Node, name: str) -> Node:
    return {key: value for key, value in node.items() if key != name}


def _unknown(spec: MessageSpec, path: str, node: Node) -> Problem:
    kind = node.get("x-wssec-field", "a field")
    remedy = f"hand in values={{{kind}: …}}, or values={{({spec.message.__name__}, {path!r}): …}}"
    return Problem(f"{spec.type}.{path}", f"is {kind}, which does not say what it takes", remedy)


class _Spoiling:
    """One change at one place of some data; the outermost place is the data itself."""

    def __init__(self, data: dict[str, Any], path: list[Any]) -> None:
        self._data = data
        self._path = path

    def __call__(self, change: Any) -> dict[str, Any]:
        """The data with the change."""
        spoilt = copy.deepcopy(self._data)
        if not self._path:
            return {**spoilt, "unknown": None}
        holder, last = _at(spoilt, self._path[:-1]), self._path[-1]
        if change is _GONE:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(change)
        return spoilt


_GONE: Final = object()
_LONG: Final = 1_001


def _changes(value: Any) -> list[Any]:
    """What is nearly a value; `_GONE` is none at all."""
    nearly: list[Any] = []
    if isinstance(value, str):
        nearly += [f"{value}\n", f" {value}", value[:-1], f"{value}\0"]
    elif isinstance(value, list):
        nearly += [(value * _LONG)[:_LONG], value[:-1], [*value, None]]
    elif isinstance(value, dict):
        nearly += [{**value, "unknown": None}, [value]]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        nearly += [str(value), -value, min(value + 10**6, _INTEGER_MOST)]  # beyond it no integer is JSON of ours
    return [_GONE, *nearly, *_STRANGERS]


_PLACES: Final = 8


def _paths(value: Any) -> Iterator[list[Any]]:
    """Yield the path of every value below this one; of a long list the first places alone."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:_PLACES]) if isinstance(value, list) else ()
    for key, below in items:
        yield [key]
        yield from ([key, *rest] for rest in _paths(below))


def _at(value: Any, path: list[Any]) -> Any:
    for key in path:
        value = value[key]
    return value
