"""The identity provider that these tests share."""

from collections.abc import Iterator

import pytest

from .provider import Provider


@pytest.fixture(scope="session")
def running_provider() -> Iterator[Provider]:
    """One process for the whole run: its keys take their time."""
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """The provider, as it behaves at first, asked for nothing yet."""
    running_provider.behave()
    running_provider.fetches()
    return running_provider
