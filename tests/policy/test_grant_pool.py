"""Equal rights share one object, in bounded room."""

import pytest

from tornado_wssec.policy import grant_pool
from tornado_wssec.policy.grant_pool import GrantPool
from tornado_wssec.policy.permissions import Grants


def test_pool_knows_equal_grants_again() -> None:
    """Whatever their order, and however often one is named."""
    pool = GrantPool()
    one = pool.of(["a:b", "c:*"])

    assert Grants(["a:b", "c:*"]) == one
    assert one is pool.of(name for name in ("c:*", "a:b", "a:b"))
    assert one is not pool.of(["a:b"])


@pytest.mark.parametrize("named", ["a:b", ["a b"], [""], [7], None])
def test_pool_refuses_what_grants_refuse(named: object) -> None:
    """And keeps nothing of it."""
    pool = GrantPool()
    with pytest.raises((ValueError, TypeError)):
        pool.of(named)  # type: ignore[arg-type]  # that it is refused is the point

    assert Grants(["a:b"]) == pool.of(["a:b"])


def test_pool_takes_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first to come is the first to go."""
    monkeypatch.setattr(grant_pool, "GRANTS_KNOWN", 2)
    pool = GrantPool()
    first = pool.of(["a:1"])
    second = pool.of(["a:2"])
    pool.of(["a:3"])

    assert second is pool.of(["a:2"])
    assert first is not pool.of(["a:1"])
