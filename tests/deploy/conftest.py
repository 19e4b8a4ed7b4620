"""Deployments shared by the tests that change nothing in them."""

from collections.abc import Iterator

import pytest

from tests.deploy.deployment import PROXIES, Deployment, deployed


@pytest.fixture(scope="package", params=PROXIES)
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Each proxy in turn, with a server that counts no more than two attempts of an address in a row."""
    with deployed(request.param, limits={"attempts_burst": 3, "attempts_per_second": 0.001}) as running:
        yield running
