"""Where in a token the tenant and the rights stand: in ours by their names, in another issuer's where the rules say.

Rules of this file:
1. Of another issuer's token nothing is taken that the rules do not name: what it calls `permissions` is not ours.
2. Its permissions are literals. A `*` in one is no pattern, and what no permission can equal gives nothing; patterns
   come from the guard's table of roles alone, since in some of these systems a client chooses what it asks for.
3. A claim of the wrong type refuses the token.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ..errors import TokenRefused
from ..settings import ClaimPath, TokenRules
from .permissions import Grants

Path = tuple[str, ...]

_OUR_TENANT: Final = "tenant"
_OUR_PERMISSIONS: Final = ("permissions", "scope")
_OUR_ROLES: Final = ("roles",)
_SPACED: Final = frozenset({"scope", "scp"})
"""What is one string with spaces by its definition (RFC 8693 §4.2)."""


class ClaimSources:
    """Finds the tenant, the permissions and the roles in a payload.

    Args:
        rules: where they stand.
        is_foreign: whether the tokens are another issuer's.
    """

    def __init__(self, rules: TokenRules, *, is_foreign: bool) -> None:
        tenant = rules.tenant_claim if is_foreign else rules.tenant_claim or _OUR_TENANT
        permissions, roles = rules.permission_claims, rules.role_claims
        if not is_foreign:
            permissions = _OUR_PERMISSIONS if permissions is None else permissions
            roles = _OUR_ROLES if roles is None else roles
        self._is_foreign = is_foreign
        self._tenant = _path(tenant) if tenant is not None else None
        self._permissions = tuple(map(_path, permissions or ()))
        self._roles = tuple(map(_path, roles or ()))

    def tenant(self, claims: Mapping[str, Any]) -> str | None:
        """The tenant, its characters yet to be judged; None where there is none.

        Raises:
            TokenRefused: it is no string, or what should hold it is no object.
        """
        found = _ABSENT if self._tenant is None else _at(claims, self._tenant)
        if found is _ABSENT:
            return None
        if not isinstance(found, str):
            raise TokenRefused(f"{'.'.join(self._tenant or ())[:64]} is no string")
        return found

    def permissions(self, claims: Mapping[str, Any]) -> list[str]:
        """The grants that the token gives by itself.

        Raises:
            TokenRefused: a claim is of the wrong type.
        """
        found = [word for path in self._permissions for word in self._words(claims, path)]
        return [word for word in found if _is_literal(word)] if self._is_foreign else found

    def roles(self, claims: Mapping[str, Any]) -> list[str]:
        """The names of the roles in the token.

        Raises:
            TokenRefused: a claim is of the wrong type.
        """
        return [word for path in self._roles for word in self._words(claims, path)]

    def _words(self, claims: Mapping[str, Any], path: Path) -> list[str]:
        found, is_spaced = _at(claims, path), path[-1] in _SPACED
        if found is _ABSENT:
            return []
        if isinstance(found, str) and (self._is_foreign or is_spaced):
            return [word for word in found.split(" ") if word]
        is_list = isinstance(found, list) and all(isinstance(item, str) for item in found)
        if is_list and (self._is_foreign or not is_spaced):
            return list(found)
        raise TokenRefused(f"{'.'.join(path)[:64]} is no {'string' if is_spaced else 'list of strings'}")


_ABSENT: Final = object()


def _path(claim: ClaimPath) -> Path:
    return tuple(claim.split(".")) if isinstance(claim, str) else claim


def _at(claims: Mapping[str, Any], path: Path) -> Any:
    """What stands there, or `_ABSENT`."""
    found: Any = claims
    for name in path:
        if not isinstance(found, Mapping):
            raise TokenRefused(f"{'.'.join(path)[:64]} is not in an object")
        if name not in found:
            return _ABSENT
        found = found[name]
    return found


def _is_literal(word: str) -> bool:
    """Whether this is a grant, and no pattern."""
    with suppress(ValueError):
        return "*" not in word and bool(Grants([word]))
    return False
