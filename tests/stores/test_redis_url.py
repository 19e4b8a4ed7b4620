"""From the URL of a Redis store to its place, or to the reason why not."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import ConfigurationError
from tornado_wssec.settings import Secret
from tornado_wssec.stores.redis_url import Manner, RedisPlace, parse_redis_url


def refusal(url: str) -> str:
    """What is said about the URL."""
    with pytest.raises(ConfigurationError) as caught:
        parse_redis_url(url)
    [problem] = caught.value.problems
    return str(problem)


def place(*hosts: tuple[str, int], manner: Manner = Manner.FIXED, **fields: object) -> RedisPlace:
    """The place with these hosts."""
    return RedisPlace(manner=manner, hosts=hosts, **fields)  # type: ignore[arg-type]  # each test says its fields


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://db", place(("db", 6379))),
        ("redis://db/", place(("db", 6379))),
        ("redis://db:7000/3?prefix=chat", place(("db", 7000), database=3, prefix="chat")),
        ("redis://[::1]:7000", place(("::1", 7000))),
        ("redis://:pw@db", place(("db", 6379), password=Secret("pw"))),
        ("redis://app:@db", place(("db", 6379), user="app")),
        ("redis://a%40b:p%3A%2F%40%25@db", place(("db", 6379), user="a@b", password=Secret("p:/@%"))),
        ("rediss://db", place(("db", 6379), is_tls=True)),
        (
            "rediss://db?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
            place(("db", 6379), is_tls=True, ca="/ca.pem", certificate="/c.pem", key="/k.pem"),
        ),
        (
            "redis+sentinel://app:pw@s1,s2:7001/chat/2?sentinel_username=watch&sentinel_password=other",
            place(
                ("s1", 26379),
                ("s2", 7001),
                manner=Manner.SENTINEL,
                user="app",
                password=Secret("pw"),
                service="chat",
                database=2,
                sentinel_user="watch",
                sentinel_password=Secret("other"),
            ),
        ),
        (
            "rediss+cluster://n1,n2:7001/0",
            place(("n1", 6379), ("n2", 7001), manner=Manner.CLUSTER, is_tls=True),
        ),
    ],
)
def test_redis_url_is_read(url: str, expected: RedisPlace) -> None:
    """Each part where it belongs, with what is left out at its default."""

    assert expected == parse_redis_url(url)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://", "host or port of the Redis URL cannot be read"),
        ("redis:db", "host or port of the Redis URL cannot be read"),
        ("redis://db:0", "host or port"),
        ("redis://db:65536", "host or port"),
        ("redis://db:port", "host or port"),
        ("redis://d b", "host or port"),
        ("redis://::1", "host or port"),
        ("redis://[::1", "cannot be read"),
        ("redis://db,other", "several hosts; name one, or use redis+sentinel:// or redis+cluster://"),
        ("redis://hunter2@db", "a user and no password; write user:password@"),
        ("redis://app:hunter2@x@db", "a bare @ or :; write special characters"),
        ("redis://app:hunter2:x@db", "a bare @ or :"),
        ("redis://app:hunter2/x@db", "host or port of the Redis URL cannot be read"),
        ("redis://app:1/hunter2@db", "no number of a database"),
        ("redis://app:1?hunter2@db", "an option of the Redis URL is none of ours here; use prefix"),
        ("redis://app:1#hunter2@db", "holds what no URL may"),
        ("redis://app:hunter2é@db", "holds what no URL may"),
        ("redis://db/one", "no number of a database; write /0, or leave it out"),
        ("redis://db/1/2", "no number of a database"),
        ("redis://db/99999", "no number of a database"),
        ("redis+cluster://db/1", "a Redis Cluster has database 0 alone; use another prefix"),
        ("redis+sentinel://s1", "names no service; write redis+sentinel://host,host/service"),
        ("redis+sentinel://s1/a b", "names no service"),
        ("redis+sentinel://s1/chat?sentinel_username=hunter2", "a sentinel_username and no sentinel_password"),
        ("redis://db?prefix=", "the prefix of the Redis URL cannot stand in front of a key"),
        ("redis://db?prefix={x}", "the prefix"),
        ("redis://db?prefix=*", "the prefix"),
        ("redis://db?prefix=a&prefix=b", "given twice"),
        ("redis://db?socket_timeout=60", "none of ours here"),
        ("redis://db?ssl_ca_certs=/ca.pem", "none of ours here"),
        ("redis://db?sentinel_password=hunter2", "none of ours here"),
        ("rediss://db?ssl_ca_certs=", "names no file"),
        ("rediss://db?ssl_certfile=/c.pem", "only one of ssl_certfile and ssl_keyfile"),
        ("rediss://db?ssl_cert_reqs=none", "the server's certificate is always verified; drop the option"),
        ("rediss://db?ssl_check_hostname=no", "always verified"),
    ],
)
def test_redis_url_that_cannot_be_says_why(url: str, fault: str) -> None:
    """Each fault has its remedy, and none repeats what may be a password."""
    told = refusal(url)

    assert fault in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://db", "redis://db:6379/0?prefix=wssec"),
        ("redis://:pw@[::1]/1", "redis://[::1]:6379/1?prefix=wssec"),
        ("rediss://a%40b:pw@db?ssl_ca_certs=/ca.pem", "rediss://a%40b@db:6379/0?prefix=wssec"),
        (
            "redis+sentinel://app:pw@s1,s2/chat?sentinel_password=pw&prefix=p",
            "redis+sentinel://app@s1:26379,s2:26379/chat/0?prefix=p",
        ),
        ("redis+cluster://app:pw@n1,n2", "redis+cluster://app@n1:6379,n2:6379?prefix=wssec"),
    ],
)
def test_redis_url_is_shown_without_its_passwords(url: str, shown: str) -> None:
    """So is the place itself, wherever it is printed."""
    found = parse_redis_url(url)

    assert shown == found.url
    assert "pw" not in repr(found)


@given(user=st.text(min_size=1), password=st.text(min_size=1))
def test_redis_url_brings_any_password(user: str, password: str) -> None:
    """Once escaped, whatever is in it; and it is never shown."""
    escaped = [quote(text.encode("utf-8", "replace"), safe="") for text in (user, password + "~secret~")]
    found = parse_redis_url(f"redis://{escaped[0]}:{escaped[1]}@db")

    assert found.password is not None
    assert found.password.reveal().endswith("~secret~")
    assert "secret" not in found.url + repr(found)


@given(st.text(alphabet="abc:/@?#[],=&%{}\0é hunter2", max_size=40))
def test_redis_url_of_anything_is_read_or_refused(rest: str) -> None:
    """No other error leaves, and no part of what was refused is repeated."""
    told = ""
    try:
        parse_redis_url(f"redis://{rest}")
    except ConfigurationError as error:
        told = str(error)

    assert "hunter2" not in told
