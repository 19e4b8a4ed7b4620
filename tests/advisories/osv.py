"""Looks advisories up in OSV, where those of PyPI, GitHub and others come together.

Source: https://google.github.io/osv.dev/post-v1-query/
"""

import json
import re
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from packaging.utils import canonicalize_name

from .known import Advisory

URL: Final = "https://api.osv.dev"
SECONDS: Final = 20.0
SUMMARY_CHARS: Final = 120


def look_up(names: Iterable[str], url: str = URL) -> dict[str, list[Advisory]]:
    """Every advisory about these packages of PyPI that was not withdrawn.

    Raises:
        OSError: it cannot be reached, or does not answer.
        ValueError: the answer is none of OSV's.
    """
    return {name: list(_about(name, url)) for name in names}


def _about(name: str, url: str) -> Iterator[Advisory]:
    asked: dict[str, Any] = {"package": {"name": name, "ecosystem": "PyPI"}}
    while True:
        answer = _post(f"{url}/v1/query", asked)
        for record in answer.get("vulns", ()):
            if "withdrawn" not in record and (advisory := translated(record, name)) is not None:
                yield advisory
        if not (token := answer.get("next_page_token")):
            return
        asked["page_token"] = token


def _post(url: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    body, kind = json.dumps(asked).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, kind)  # noqa: S310 - the scheme is ours, or a test's
    with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310 - likewise
        answer = json.loads(response.read())
    if not isinstance(answer, dict):
        raise ValueError(f"{url} answered {type(answer).__name__}, not an object")
    return answer


def translated(record: Mapping[str, Any], name: str) -> Advisory | None:
    """What a record of OSV says about one package; None where it says nothing about it."""
    parts = [part for part in record.get("affected", ()) if _is_about(part, name)]
    ranges = [found for part in parts for one in part.get("ranges", ()) for found in _ranges(one)]
    versions = () if ranges else tuple(version for part in parts for version in part.get("versions", ()))
    if not ranges and not versions:
        return None
    summary = re.sub(r"\s+", " ", record.get("summary", "")).strip()[:SUMMARY_CHARS]
    return Advisory(record["id"], tuple(sorted(record.get("aliases", ()))), summary, tuple(ranges), versions)


def _is_about(part: Mapping[str, Any], name: str) -> bool:
    package = part.get("package", {})
    return package.get("ecosystem") == "PyPI" and canonicalize_name(package.get("name", "")) == name


def _ranges(described: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The ranges between its events; commits are no versions."""
    if described.get("type") != "ECOSYSTEM":
        return
    opened: str | None = None
    for event in described.get("events", ()):
        for kind, version in event.items():
            if kind == "introduced":
                opened = version
            elif kind in ("fixed", "last_affected") and opened is not None:
                yield {"introduced": opened, kind: version}
                opened = None
    if opened is not None:
        yield {"introduced": opened}
