"""The secrets that a run plants, each under the name of its place."""

import secrets
from typing import Final

SECRETS: Final[dict[str, str]] = {}


def secret(name: str) -> str:
    """A value that occurs nowhere else, remembered under its name."""
    return SECRETS.setdefault(name, f"s3cr3t{secrets.token_hex(12)}")
