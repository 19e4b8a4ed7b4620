"""Text that is safe to show, to log and to follow, as field types.

They can be used wherever marshmallow's `String` can. Each has a maximum, so that none needs a validator in strict
mode; what is handed in as `validate` is asked, too.

Rules of this file:
1. A text that holds what it may not is refused, never mended: what is mended is not what was said.
2. What is too long is refused before any work is done on it.
3. What a field refuses when reading it also refuses when writing, and both give the same form.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Any, Final

from marshmallow import fields, validate

from .characters import GROWTH_MOST, Characters, normalised
from .reasons import UNPRINTABLE

TOO_LONG: Final = "Longer than maximum length {max}."
_RISKY: Final = frozenset("\"'\\`$<>|;&(){}[]*?!#%=/ ")
"""Punctuation that ends or begins something in a log line, a command or a path."""
_RUNS_CODE: Final = frozenset({"javascript", "data", "vbscript", "blob", "file", "about", "view-source"})
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*").fullmatch
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_REST: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]|]|%[0-9A-Fa-f]{2})*+"
_URL: Final = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>{_LABEL}(?:\.{_LABEL})*+|\[[0-9a-f:.]{{2,45}}\])"
    rf"(?::(?P<port>[1-9][0-9]{{0,4}}))?(?:[/?]{_REST})?(?:#{_REST})?"
).fullmatch
_DOTTED: Final = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}").fullmatch
_LAST_LABEL_IS_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)").fullmatch
_PORT_MOST: Final = 65_535
_HOST_LENGTH: Final = 253


class BoundedText(fields.String):
    """A text field with a maximum of its own: text and nothing else, read and written alike."""

    default_error_messages = {"unprintable": UNPRINTABLE, "too_long": TOO_LONG}  # noqa: RUF012  # as marshmallow has it

    def __init__(self, max_length: int, *own: Any, **kwargs: Any) -> None:
        validators = [validate.Length(max=max_length), *own, *_listed(kwargs.get("validate"))]
        super().__init__(**{**kwargs, "validate": validators})
        self.max_length = max_length

    def json_schema(self) -> dict[str, Any]:
        """What JSON Schema can say of it."""
        return {"type": "string", "maxLength": self.max_length}

    def _read(self, text: str) -> str:
        return text

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return self._read(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else self._deserialize(value, attr, None)


def _listed(validators: Any) -> Iterable[Any]:
    """What was handed in as `validate`: None, one, or several."""
    if validators is None:
        return ()
    return validators if isinstance(validators, Iterable) else (validators,)


class PlainText(BoundedText):
    r"""Text to be shown as it is: letters, digits, punctuation, emoji, in NFC; no controls, nothing that turns it.

    Shown as text it can do nothing; it is still not HTML, and whoever puts it into a page escapes it.

    Args:
        max_length: characters (code points, in NFC) of the longest.
        min_length: of the shortest.
        allow: control characters that pass, such as `"\n"`.
        private_use: whether private use code points pass.
        unassigned: whether code points pass that this Python does not know, such as the newest emoji.
    """

    def __init__(
        self,
        *,
        max_length: int,
        min_length: int = 0,
        allow: str = "",
        private_use: bool = False,
        unassigned: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(max_length, *([validate.Length(min=min_length)] if min_length else []), **kwargs)
        self.min_length = min_length
        self.characters = Characters(allow, private_use, unassigned)

    def json_schema(self) -> dict[str, Any]:
        """The length, of a text in NFC."""
        return {**super().json_schema(), "minLength": self.min_length}

    def _read(self, text: str) -> str:
        if len(text) > GROWTH_MOST * self.max_length:
            raise self.make_error("too_long", max=self.max_length)
        if not self.characters.are_fine(text):
            raise self.make_error("unprintable")
        return text if text.isascii() else normalised(text)


class Identifier(BoundedText):
    """A name that can stand in a log line, a file name or a command as it is: ASCII letters, digits, `.`, `_`, `-`.

    The first is a letter or a digit, so that it is neither an option nor a hidden file.

    Args:
        max_length: characters of the longest.
        also: further punctuation that may stand in it, such as `":"`.
    """

    def __init__(self, *, max_length: int = 64, also: str = "", **kwargs: Any) -> None:
        for character in also:
            if not character.isascii() or not character.isprintable() or character in _RISKY:
                raise ValueError(f"{character!r} ends or begins something in a log line, a command or a path")
        joined = "".join(sorted({*also, ".", "_"} - {"-"}, reverse=True))  # not with ^, which would mean another thing
        self.pattern = rf"[A-Za-z0-9][A-Za-z0-9{joined}-]{{0,{max_length - 1}}}"
        super().__init__(max_length, validate.Regexp(rf"{self.pattern}\Z"), **kwargs)

    def json_schema(self) -> dict[str, Any]:
        """Everything that the field asks for."""
        return {**super().json_schema(), "pattern": f"^{self.pattern}$"}


class SafeUrl(BoundedText):
    """An absolute URL that can be offered as a link: of an allowed scheme, with a host, without credentials.

    It is written as a browser's `new URL(text).href` writes it: scheme and host in lower case, hosts of other
    scripts in Punycode. Whoever fetches it has to see for himself that the host is none of his own.

    Args:
        max_length: characters of the longest.
        schemes: those that pass.

    Source: RFC 3986, without userinfo; the WHATWG URL Standard §3.5 for hosts that end in a number.
    """

    default_error_messages = {"url": "Not a valid URL."}  # noqa: RUF012  # as marshmallow has it

    def __init__(self, *, max_length: int = 2_048, schemes: Iterable[str] = ("https",), **kwargs: Any) -> None:
        super().__init__(max_length, **kwargs)
        self.schemes = schemes_of(schemes)

    def json_schema(self) -> dict[str, Any]:
        """Less than the field asks for: no pattern that others could read tells a host from a number."""
        schemes = "|".join(re.escape(scheme) for scheme in sorted(self.schemes))
        pattern = f"^({schemes})://[^/?#@\\\\\\s]+([/?#][!-~]*)?$"
        return {**super().json_schema(), "format": "uri", "pattern": pattern}

    def _read(self, text: str) -> str:
        if len(text) <= self.max_length and not self._is_fine(text):
            raise self.make_error("url")
        return text  # one that is too long is refused for that, by its validator

    def _is_fine(self, url: str) -> bool:
        parts = _URL(url)
        if parts is None or parts["scheme"] not in self.schemes or int(parts["port"] or 1) > _PORT_MOST:
            return False
        host = parts["host"]
        if host.startswith("["):
            return _is_ipv6(host[1:-1])
        return len(host) <= _HOST_LENGTH and (not _LAST_LABEL_IS_NUMBER(host) or _DOTTED(host) is not None)


def schemes_of(schemes: Iterable[str]) -> frozenset[str]:
    """The schemes that a link may have.

    Raises:
        ValueError: none, one that is not written as a scheme is, or one that runs code or reads what is at hand.
    """
    found = frozenset({schemes} if isinstance(schemes, str) else schemes)
    wrong = sorted(one for one in found if not _SCHEME(one) or one in _RUNS_CODE)
    if wrong or not found:
        raise ValueError(f"{', '.join(map(repr, wrong)) or 'no scheme'} cannot be allowed; write schemes=('https',)")
    return found


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
