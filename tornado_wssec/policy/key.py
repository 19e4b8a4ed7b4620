"""One key: its name, its algorithm, where it stands in its life, and the times of that.

Rules of this file:
1. A key only ever moves on: next, current, retired, compromised.
2. A key that no longer signs loses its private half at once; a compromised shared secret is dropped whole.
3. A compromised key verifies nothing, from the moment it is known to be.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from .key_material import KeyMaterial


class KeyState(StrEnum):
    """Where a key stands in its life. The order is that of a life."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a ring. It cannot be pickled, and its repr holds nothing secret. Times are wall seconds.

    Args:
        kid: the RFC 7638 thumbprint; for an external issuer, what the issuer calls it.
        alg: the one algorithm that it is for.
        verify_until: when the last token it signed has ended; None: no end is in sight.
        material: None where only the state is known: a shared secret from elsewhere, or a compromised one.
    """

    kid: str
    alg: str
    state: KeyState
    created_at: float
    retired_at: float | None = None
    verify_until: float | None = None
    material: KeyMaterial | None = field(default=None, repr=False, compare=False)

    @property
    def can_sign(self) -> bool:
        """Whether its private half is here. Only the current key is asked to sign."""
        return self.material is not None and self.material.can_sign

    def verifies(self, now: float) -> bool:
        """Whether a signature by this key counts at `now`."""
        if self.state is KeyState.COMPROMISED or self.material is None:
            return False
        return self.verify_until is None or now < self.verify_until

    def moved(self, state: KeyState, *, retired_at: float | None = None, verify_until: float | None = None) -> Self:
        """The key in another state, with as much of its material as that state needs; None leaves a time as it is."""
        material = self.material
        if material is not None and state is KeyState.COMPROMISED and material.is_shared:
            material = None
        elif material is not None and state in (KeyState.RETIRED, KeyState.COMPROMISED):
            material = material.public_half()
        retired_at = self.retired_at if retired_at is None else retired_at
        verify_until = self.verify_until if verify_until is None else verify_until
        return replace(self, state=state, material=material, retired_at=retired_at, verify_until=verify_until)

    def sign(self, payload: bytes, typ: str) -> str:
        """Return a compact JWS over `payload`, whose header names its type, this key and its algorithm.

        Raises:
            ValueError: the private half is not here.
        """
        return self._present().sign(payload, {"typ": typ, "kid": self.kid})

    def verify(self, token: str) -> bytes | None:
        """Return the payload of a compact JWS, or None where this key did not sign it.

        Whether the key counts is for `verifies` to say.
        """
        return self._present().verify(token)

    def _present(self) -> KeyMaterial:
        if self.material is None:
            raise ValueError(f"of key {self.kid} only the state is known here; copy the key file to this node")
        return self.material

    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK for verifiers (RFC 7517 §4)."""
        members = self.material.public_jwk() if self.material else {}
        return {**members, "kid": self.kid, "alg": self.alg, "use": "sig"}

    def public_entry(self) -> dict[str, Any]:
        """The public half, the state and its times, to be published to other nodes; of a shared secret no `k`."""
        times = {"created_at": self.created_at, "retired_at": self.retired_at, "verify_until": self.verify_until}
        known = {name: time for name, time in times.items() if time is not None}
        return {**self.public_jwk(), "state": str(self.state), **known}

    def private_entry(self) -> dict[str, Any]:
        """The same with every member that is here, for the key file."""
        return {**self.public_entry(), **(self.material.private_jwk() if self.material else {})}
