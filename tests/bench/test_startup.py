"""What declared types cost at the start."""

from bench.suites.startup import start


def test_startup_of_a_thousand_types() -> None:
    """They start, all of them checked and compiled; what that costs is told, and held to nothing here."""
    told = start(1_000)

    assert {"seconds", "bytes"} == set(told)
    assert told["seconds"] > 0
