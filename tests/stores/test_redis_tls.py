"""The store over TLS: the server's certificate is verified, and ours is shown where it is asked for."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.certificates import Certified, certify
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.settings import Timeouts

from .kit import NOW, in_loop, opened, put, take
from .redis_kit import redis_store

UNHURRIED = Timeouts(store_call=5.0)


@pytest.fixture
def shown(tmp_path: Path) -> Certified:
    """What the server shows: good for 127.0.0.1, and made by nobody whom a system trusts."""
    return certify(tmp_path)


@asynccontextmanager
async def over_tls(redis_url: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """A port of 127.0.0.1 where the server is reached over TLS, as the `netloc` of its URL."""
    plain = urlsplit(redis_url)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection(plain.hostname, plain.port)
        await asyncio.gather(_pour(reader, their_writer), _pour(their_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def context_of(certified: Certified) -> ssl.SSLContext:
    """What a server has that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified.certificate, certified.key)
    return context


@in_loop
async def test_redis_tls_of_a_trusted_server(redis_url: str, shown: Certified, tmp_path: Path) -> None:
    """The authority is named by a file, and all goes on as without TLS."""
    async with over_tls(redis_url, context_of(shown)) as where:
        url = f"rediss://{where}?ssl_ca_certs={shown.certificate}"
        async with opened(redis_store(url, tmp_path, timeouts=UNHURRIED)) as store:
            await put(store, "t")

            assert "payload of t" == await take(store, "t")


@in_loop
async def test_redis_tls_of_a_stranger(redis_url: str, shown: Certified, tmp_path: Path) -> None:
    """A certificate that nobody vouches for ends the connection before a password is sent."""
    async with over_tls(redis_url, context_of(shown)) as where:
        store = redis_store(f"rediss://{where}", tmp_path, timeouts=UNHURRIED)
        with pytest.raises(StoreUnavailable, match="certificate that is not trusted; name its authority by ssl_ca"):
            await store.migrate(NOW)


@in_loop
async def test_redis_tls_of_another_host(redis_url: str, shown: Certified, tmp_path: Path) -> None:
    """One that is trusted, and good for another name, is not good enough."""
    async with over_tls(redis_url, context_of(shown)) as where:
        named = where.replace("127.0.0.1", "localhost")
        store = redis_store(f"rediss://{named}?ssl_ca_certs={shown.certificate}", tmp_path, timeouts=UNHURRIED)
        with pytest.raises(StoreUnavailable, match="certificate that is not trusted"):
            await store.migrate(NOW)


@pytest.mark.parametrize("is_shown", [True, False])
@in_loop
async def test_redis_tls_with_our_own_certificate(
    redis_url: str, shown: Certified, tmp_path: Path, is_shown: bool
) -> None:
    """A server that wants one gets it, or lets nobody in."""
    (tmp_path / "ours").mkdir()
    ours = certify(tmp_path / "ours")
    context = context_of(shown)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ours.certificate)
    async with over_tls(redis_url, context) as where:
        own = f"&ssl_certfile={ours.certificate}&ssl_keyfile={ours.key}" if is_shown else ""
        store = redis_store(f"rediss://{where}?ssl_ca_certs={shown.certificate}{own}", tmp_path, timeouts=UNHURRIED)
        if is_shown:
            assert await store.migrate(NOW)
        else:
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                await store.migrate(NOW)


@in_loop
async def test_redis_tls_with_a_file_that_is_not_there(redis_url: str, shown: Certified, tmp_path: Path) -> None:
    """The options are named, and it is no matter of host and port."""
    async with over_tls(redis_url, context_of(shown)) as where:
        store = redis_store(f"rediss://{where}?ssl_ca_certs={tmp_path}/absent.pem", tmp_path, timeouts=UNHURRIED)
        with pytest.raises(StoreUnavailable, match="a file that its URL names cannot be read; see to the ssl_ options"):
            await store.migrate(NOW)
