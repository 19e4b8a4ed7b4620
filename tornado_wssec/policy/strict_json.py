"""JSON as strictly as it can be read.

Rules of this file:
1. The cheapest check comes first: size, then depth and nodes by one linear scan, then the parser.
2. What another reader could take otherwise is refused: duplicate keys, NaN, infinities, integers
   that a browser cannot hold, lone surrogates, anything but UTF-8.
3. Every failure is MalformedFrame or MessageTooBig. Its evidence names the fault, never the value.

Accepted as they are: `-0` is the integer 0, `-0.0` stays a float, and `1e-400` is 0.0, since a
number too small for a float is rounded like any other. `1.0` is a float, whatever its value.

Source: RFC 8259; RFC 7493 (I-JSON) for numbers, duplicate names and surrogates.
"""

import json
import math
import re
from collections.abc import Callable
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]  # typeshed lists no C code
from typing import Any, Final

from ..errors import MalformedFrame, MessageTooBig
from ..settings import Limits

# To the end of the string, or of the text where it never ends: every quote is looked at once.
_STRINGS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(b"[]{},"))
_ONE_BRACKET: Final = bytes.maketrans(b"{}", b"[]")
_SURROGATES: Final = ("\\ud", "\\uD")

_SPACES: Final = " \t\n\r"

_encoder: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
# What `encode` makes anew for each text; it would also look out for a value that holds itself, as `encode` does then.
_write: Final = c_make_encoder(
    None,
    _encoder.default,
    encode_basestring,
    None,
    _encoder.key_separator,
    _encoder.item_separator,
    False,
    False,
    False,
)


def encode_json(value: Any) -> str:
    """Write compact JSON.

    Raises:
        ValueError: for NaN, an infinity, a lone surrogate or a value that holds itself.
        TypeError: for what JSON has no form for.
    """
    try:
        text = "".join(_write(value, 0))
    except RecursionError:
        text = _encoder.encode(value)
    if not text.isascii():
        text.encode()
    return text


def decode_json(text: str | bytes, limits: Limits) -> Any:
    """Read JSON strictly.

    Args:
        text: bytes are UTF-8 and nothing else.
        limits: `message_bytes` and the `json_…` budgets. An empty list or object counts as two nodes.

    Raises:
        MalformedFrame: it is no JSON, or none that we accept.
        MessageTooBig: over `limits.message_bytes`.
    """
    return JsonReader(limits).read(sized_text(text, limits)[0])


def sized_text(frame: str | bytes, limits: Limits) -> tuple[str, int]:
    """The text of a frame and its size in bytes of UTF-8."""
    most = limits.message_bytes
    if len(frame) > most:
        raise MessageTooBig(f"more than {most} bytes")
    try:
        text = frame.decode() if isinstance(frame, bytes) else frame
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeError:
        text, size = "", -1  # raised below: the error would keep the frame
    if size < 0:
        raise MalformedFrame("the frame is not UTF-8")
    if size > most:
        raise MessageTooBig(f"{size} bytes; at most {most}")
    return text, size


class _Fault(ValueError):
    """What a hook of the parser refuses; its text is evidence, so it holds no value."""


class JsonReader:
    """A parser for the budgets of one `Limits`. Making one costs as much as reading a small frame."""

    __slots__ = ("_decode", "_digits", "_scan", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._digits = len(str(limits.json_integer)) + 1
        decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=self._integer, parse_float=_float, parse_constant=_constant
        )
        self._decode = decoder.decode
        self._scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined]  # as above

    def read(self, text: str) -> Any:
        """The value that the text stands for; MalformedFrame where there is none."""
        # Raised after the handlers, so that no traceback keeps the frame through __context__.
        try:
            self._check_shape(text)
            try:
                value, end = self._scan(text, 0)
            except StopIteration:
                value, end = self._decode(text), len(text)  # it begins with a space, or the fault is told
            if end < len(text) and text[end:].strip(_SPACES):
                self._decode(text)  # tells the fault
            if _SURROGATES[0] in text or _SURROGATES[1] in text:
                encode_json(value)
            return value
        except json.JSONDecodeError as error:
            evidence = f"{error.msg} at character {error.pos}"
        except UnicodeEncodeError:
            evidence = "a string holds a lone surrogate"
        except RecursionError:
            evidence = "nested deeper than the stack allows"
        except _Fault as error:
            evidence = str(error)
        raise MalformedFrame(evidence)

    def _check_shape(self, text: str) -> None:
        """Refuse what is too deep or holds too much, before anything is built of it."""
        limits = self.limits
        opening = text.count("[") + text.count("{")
        if opening <= limits.json_depth and 1 + opening + text.count(",") <= limits.json_nodes:
            return
        shape = _STRINGS.sub("", text).encode("ascii", "replace").translate(_ONE_BRACKET, _NO_STRUCTURE)
        if 1 + shape.count(b"[") + shape.count(b",") > limits.json_nodes:
            raise _Fault(f"more than {limits.json_nodes} nodes")
        shape = shape.replace(b",", b"")
        for _ in range(limits.json_depth):
            if not shape:
                return
            shape = shape.replace(b"[]", b"")
        if shape:
            raise _Fault(f"nested deeper than {limits.json_depth}, or unbalanced")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise _Fault("an object names a key twice")
        if len(found) > self.limits.json_keys:
            raise _Fault(f"an object has more than {self.limits.json_keys} keys")
        return found

    def _integer(self, digits: str) -> int:
        if len(digits) <= self._digits:
            value = int(digits)
            if -self.limits.json_integer <= value <= self.limits.json_integer:
                return value
        raise _Fault(f"an integer is beyond ±{self.limits.json_integer}")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _Fault("a number is too large for a float")
    return value


def _constant(name: str) -> None:
    raise _Fault(f"{name} is no JSON")
