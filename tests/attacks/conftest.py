"""What the attacks are thrown at."""

import pytest

from tests.attacks.doors import Door
from tests.certificates import Certified, certify
from tests.ways import WAYS, take


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    """A certificate for loopback."""
    return certify(tmp_path_factory.mktemp("certified"))


@pytest.fixture(params=["plain", "tls"])
def door(request: pytest.FixtureRequest, certified: Certified) -> Door:
    """Each of the two doors in turn."""
    return Door(certified if request.param == "tls" else None)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way through a schema in turn."""
    found: str = request.param
    take(found, monkeypatch)
    return found
