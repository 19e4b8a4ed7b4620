"""What processes have in common that serve together."""

from pathlib import Path

import pytest

from tests.stores.redis_kit import prefix_of

from .sharing import environment_of


@pytest.fixture(params=["sqlite", "redis"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """What servers have in common; the keys are made, the store is not."""
    url = f"sqlite:///{tmp_path}/store.db"
    if request.param == "redis":
        url = f"{request.getfixturevalue('redis_url')}?prefix={prefix_of(tmp_path)}"
    return environment_of(url, tmp_path)
