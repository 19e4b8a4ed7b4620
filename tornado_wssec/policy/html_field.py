"""HTML that may be put into a page as it is: what is not allowed is taken out of it.

It needs nh3, the binding of ammonia (Rust), which the extra `html` brings: a parser that reads as browsers do is
nothing to be written here.

Rules of this file:
1. What is neither an allowed element nor an allowed attribute is taken out; what scripts and styles hold goes, too.
2. The text is normalised before it is cleaned, never behind that: NFC makes one character of `>` and U+0338.
3. Characters are looked at when it is clean, since `&#x202e;` has become one only then.
4. What is too long, or holds too many elements, is refused before it is parsed.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ..errors import ConfigurationError, Problem
from .characters import Characters, normalised
from .text_fields import BoundedText, schemes_of

ELEMENTS_MOST: Final = 1_000
"""In one text. The parser takes time with the square of their depth: 0.2 s for 64 KiB of `<div>`."""

TAGS: Final = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "code", "em", "i", "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "ul"}
)
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"a": frozenset({"href", "title"}), "abbr": frozenset({"title"})}
)
SCHEMES: Final = ("https", "mailto")
_LINK_REL: Final = "noopener noreferrer nofollow"
_RUN_CODE: Final = frozenset(
    {"base", "embed", "frame", "iframe", "link", "math", "meta", "noscript", "object", "script", "style", "svg"}
    | {"form", "button", "input", "select", "template", "textarea", "title", "xmp"}
)
_POSE: Final = frozenset({"action", "formaction", "id", "name", "ping", "rel", "srcdoc", "style", "target"})
"""Attributes by which a text could look like the page around it, be found by its scripts, or send something."""
_FINE: Final = Characters("\n\t")


class SafeHtml(BoundedText):
    """A piece of HTML, cleaned: allowed elements, allowed attributes, links of allowed schemes. Needs the extra `html`.

    Args:
        max_length: characters of the longest, as it comes and as it is when it is clean.
        tags: elements that stay; what stands in the others stays without them.
        attributes: element → attributes of it that stay.
        schemes: of links that stay. Relative links go.

    Raises:
        ConfigurationError: nh3 is not installed, or an element or attribute is to stay that runs code.
    """

    def __init__(
        self,
        *,
        max_length: int,
        tags: Iterable[str] = TAGS,
        attributes: Mapping[str, Iterable[str]] = ATTRIBUTES,
        schemes: Iterable[str] = SCHEMES,
        **kwargs: Any,
    ) -> None:
        super().__init__(max_length, **kwargs)
        self._clean = _cleaner()
        self._options = _options(frozenset(tags), attributes, schemes_of(schemes))

    def json_schema(self) -> dict[str, Any]:
        """Its length, and what it is."""
        return {**super().json_schema(), "contentMediaType": "text/html"}

    def _read(self, text: str) -> str:
        if len(text) > self.max_length or text.count("<") > ELEMENTS_MOST:
            raise self.make_error("too_long", max=self.max_length)
        if not _FINE.are_fine(text):
            raise self.make_error("unprintable")
        clean = self._clean(normalised(text), **self._options)
        if not _FINE.are_fine(clean):
            raise self.make_error("unprintable")
        return clean


def _cleaner() -> Callable[..., str]:
    """What cleans; ConfigurationError where it is not installed."""
    try:
        from nh3 import clean
    except ImportError:
        problem = Problem("SafeHtml", "needs nh3, which is not installed", "pip install 'tornado-wssec[html]'")
    else:
        return clean
    raise ConfigurationError([problem])


def _options(
    tags: frozenset[str], attributes: Mapping[str, Iterable[str]], schemes: frozenset[str]
) -> Mapping[str, Any]:
    """What nh3 is asked for; ConfigurationError where that would let code pass."""
    kept = {tag: set(names) for tag, names in attributes.items() if tag in tags}
    running = [f"<{tag}>" for tag in sorted(tags & _RUN_CODE)]
    running += sorted({name for names in kept.values() for name in names if name.startswith("on") or name in _POSE})
    if running:
        fault = f"is to keep {', '.join(running)}, which can run code or pose as the page"
        raise ConfigurationError([Problem("SafeHtml", fault, "drop it; the page around the text can hold it")])
    return MappingProxyType(
        {
            "tags": set(tags),
            "clean_content_tags": {"script", "style"},
            "attributes": kept,
            "url_schemes": set(schemes),
            "url_relative": "deny",
            "link_rel": _LINK_REL,
        }
    )
