"""The commands about the store, where it is in Redis."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.redis_server import Binary, RedisServer, replica_of
from tests.stores.redis_kit import prefix_of


@pytest.fixture
def variables(own_redis: RedisServer, tmp_path: Path) -> dict[str, str]:
    """The environment of a deployment."""
    return {
        "WSSEC_STORE": f"{own_redis.url}?prefix={prefix_of(tmp_path)}",
        "WSSEC_KEYS": str(tmp_path / "keys.json"),
        "WSSEC_ISSUER": "i",
        "WSSEC_AUDIENCE": "a",
    }


def findings(bare: Terminal, variables: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """The exit code of `store doctor`, and what it found by check."""
    outcome = bare("store", "doctor", "--json", **variables)
    return outcome.code, {check["check"]: check for check in outcome.json["checks"]}


def test_store_in_redis_is_made_and_answers(bare: Terminal, variables: dict[str, str]) -> None:
    """`keys generate` makes both; nothing of it stands on the disk but the keys."""
    bare.done("keys", "generate", **variables)
    pong, made = bare.json("store", "ping", **variables), bare.json("store", "migrate", **variables)

    assert variables["WSSEC_STORE"].replace("?", "/0?") == pong["url"]
    assert (False, True) == (made["made"], made["published"])


def test_store_in_redis_that_was_never_made(bare: Terminal, variables: dict[str, str]) -> None:
    """It is not made in passing."""
    outcome = bare("store", "ping", **variables)

    assert (1, "") == (outcome.code, outcome.out)
    assert "holds no generation; run `wssec init` or `wssec store migrate`" in outcome.err


def test_revoke_in_redis_says_who_has_it(
    bare: Terminal, variables: dict[str, str], own_redis: RedisServer, redis_binary: Binary, tmp_path: Path
) -> None:
    """Nobody but the primary: not acknowledged, and exit 1; with a replica all is well."""
    bare.done("keys", "generate", **variables)
    alone = bare("revoke", "subject", "ann", "--json", **variables)
    with replica_of(own_redis, redis_binary, tmp_path):
        together = bare("revoke", "subject", "ann", "--json", **variables)

    assert (1, False) == (alone.code, alone.json["acknowledged"])
    assert "not acknowledged" in alone.err
    assert (0, True) == (together.code, together.json["acknowledged"])
    assert ["ann", "ann"] == [entry["value"] for entry in bare.json("revocations", "list", **variables)]


def test_doctor_of_redis_finds_nothing_wrong(bare: Terminal, variables: dict[str, str]) -> None:
    """What it looks at beside the usual, and what could be better."""
    bare.done("keys", "generate", **variables)
    code, found = findings(bare, variables)

    assert 0 == code
    assert ["store", "server", "eviction", "durability", "encryption", "user", "generation"] == list(found)[:7]
    assert "0 replicas, append-only file on" == found["durability"]["found"]
    assert "none, on loopback" == found["encryption"]["found"]


@pytest.mark.parametrize(
    ("setting", "check", "remedy"),
    [
        (("maxmemory-policy", "allkeys-lru"), "eviction", "set maxmemory-policy to noeviction"),
        (("appendonly", "no"), "durability", "set appendonly to yes, or connect a replica"),
    ],
)
def test_doctor_of_redis_names_what_may_forget(
    bare: Terminal,
    variables: dict[str, str],
    own_redis: RedisServer,
    setting: tuple[str, str],
    check: str,
    remedy: str,
) -> None:
    """Each with its remedy, and exit 1."""
    bare.done("keys", "generate", **variables)
    own_redis.ask("CONFIG", "SET", *setting)
    code, found = findings(bare, variables)

    assert (1, False) == (code, found[check]["ok"])
    assert remedy in found[check]["remedy"]


def test_store_in_redis_shows_no_password(bare: Terminal, variables: dict[str, str], own_redis: RedisServer) -> None:
    """Neither when it answers nor when it does not."""
    own_redis.ask("ACL", "SETUSER", "app", "on", ">hunter2", "~*", "+@all")
    given = {**variables, "WSSEC_STORE": variables["WSSEC_STORE"].replace("//", "//app:hunter2@")}
    told = [bare(*words, **given) for words in (("store", "migrate"), ("store", "ping"), ("store", "doctor"))]
    own_redis.stop()
    told.append(bare("store", "ping", **given))

    assert [0, 0, 1, 1] == [outcome.code for outcome in told]
    assert [] == [outcome for outcome in told if "hunter2" in outcome.out + outcome.err]
