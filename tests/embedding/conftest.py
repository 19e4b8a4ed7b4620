"""Each host once, for the tests that leave it as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedding.environment import python_with_hosts
from tests.embedding.hosts import Host, bokeh, jupyter, panel


@pytest.fixture(scope="package")
def python() -> Path:
    """The Python that has the hosts."""
    return python_with_hosts()


@pytest.fixture(scope="package")
def jupyter_host(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Jupyter Server with the extension, which asks every handler for authentication."""
    with jupyter(python, tmp_path_factory.mktemp("jupyter"), "--ServerApp.allow_unauthenticated_access=False") as host:
        yield host


@pytest.fixture(scope="package")
def bokeh_host(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Bokeh's server with the chat."""
    with bokeh(python, tmp_path_factory.mktemp("bokeh")) as host:
        yield host


@pytest.fixture(scope="package")
def panel_host(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Panel's server with the chat."""
    with panel(python, tmp_path_factory.mktemp("panel")) as host:
        yield host


@pytest.fixture(params=["jupyter_host", "bokeh_host", "panel_host"])
def host(request: pytest.FixtureRequest) -> Host:
    """Each of them in turn."""
    running: Host = request.getfixturevalue(request.param)
    return running
