"""The page about Redis: its commands run against a server, and its tables name what the code has."""

import re
from pathlib import Path

from tests.docs.pages import DOCS, blocks
from tests.docs.terminals import Desk
from tests.redis_server import Binary, RedisServer, replica_of
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.stores.redis_broker import CHANNEL_KEYS, SAY
from tornado_wssec.stores.redis_directory import KEY_NAMES
from tornado_wssec.stores.redis_scripts import Keys
from tornado_wssec.stores.redis_url import RedisPlace, parse_redis_url

PAGE = DOCS / "redis.md"


def test_redis_page_commands_do_what_it_shows(own_redis: RedisServer, redis_binary: Binary, tmp_path: Path) -> None:
    """Against a server with a replica, as the page has it."""
    with replica_of(own_redis, redis_binary, tmp_path), Desk(tmp_path) as desk:
        terminal = desk.terminal("")
        for block in blocks(PAGE):
            if block.language == "console":
                terminal.follow(block.text.replace(":6379", f":{own_redis.port}").splitlines())
        terminal.settle()


def test_redis_page_urls_are_read() -> None:
    """Each of the table is a place."""
    rows = re.findall(r"\| `(rediss?(?:\+\w+)?://\S+)` \|", PAGE.read_text())

    assert 4 == len(rows)
    assert {RedisPlace} == {type(parse_redis_url(url)) for url in rows}


def test_redis_page_names_every_key() -> None:
    """Whoever looks into the server finds nothing that the page does not name."""
    keys = Keys.of("wssec")
    section = PAGE.read_text().partition("## What is kept")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w:…-]+)`", section))
    plain = {getattr(keys, name).partition(":")[2] for name in Keys.__dataclass_fields__ if name != "tag"}
    prefixes = {f"{prefix.partition(':')[2]}…" for prefix in (keys.tickets, keys.owners)}

    plain |= {f"{name}…" if name.endswith(":") else name for name in (*KEY_NAMES, *CHANNEL_KEYS, SAY)}

    assert plain | prefixes | {str(kind) for kind in RecordKind} <= named
