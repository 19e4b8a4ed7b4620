"""The hardened server: what is cut off before any of our code runs."""

import datetime as dt
import logging
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.kits import chat_kit, in_loop
from tornado_wssec import Limits, Timeouts
from tornado_wssec.certificates import tls_context
from tornado_wssec.testing import GuardKit, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

LIMITS, TIMES = Limits(), Timeouts()


async def answer_to(kit: GuardKit, *parts: bytes) -> int | None:
    """The status of the answer; None where the server hung up without one."""
    raw = await kit.raw()
    try:
        for part in parts:
            await raw.write(part)
        return (await raw.response()).status
    except (ConnectionError, EOFError):
        return None


def request(kit: GuardKit, *lines: str, method: str = "GET", path: str = "/wssec/live") -> bytes:
    """A request with these header lines."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {kit.host}", *lines, "", ""]).encode()


@in_loop
async def test_h20_headers_that_are_too_large() -> None:
    """70 KB in one header or in 5,000 are cut off; what a token, cookies and room need passes."""
    async with chat_kit() as kit:
        assert 200 == await answer_to(kit, request(kit, "X: " + "x" * 12_000))
        for lines in (["X: " + "x" * 70_000], [f"X{number}: 12345" for number in range(5_000)], ["X" * 70_000 + ": x"]):
            assert await answer_to(kit, request(kit, *lines)) in (None, 400, 431)
        assert await answer_to(kit, request(kit, path="/" + "x" * 70_000)) in (None, 400, 414)


BODIES = [
    ("Content-Length: 104857600",),
    ("Content-Length: 65537",),
    ("Content-Length: -1",),
    ("Content-Length: 1", "Content-Length: 2"),
    ("Content-Length: x",),
    ("Content-Length: 1_0",),
    ("Content-Length: 3", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: gzip",),
]


@pytest.mark.parametrize("lines", BODIES, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
@in_loop
async def test_h21_bodies(lines: tuple[str, ...], method: str) -> None:
    """A body that is too large, or of unclear length, is refused before a byte of it is read."""
    async with chat_kit() as kit:
        for path in ("/wssec/ticket", "/ws"):
            assert await answer_to(kit, request(kit, *lines, method=method, path=path)) in (None, 400, 413)


@in_loop
async def test_h21_chunks_that_are_too_many() -> None:
    """A chunked body is cut off at the same cap."""
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    async with chat_kit() as kit:
        head = request(kit, "Transfer-Encoding: chunked", method="POST", path="/wssec/ticket")
        assert await answer_to(kit, head, *[chunk] * 5, b"0\r\n\r\n") in (None, 400, 413)


@in_loop
async def test_h19_handshake_that_never_comes() -> None:
    """Silence, half a header and half a body are cut off at the deadline."""
    async with chat_kit(timeouts=Timeouts(handshake=0.05)) as kit:
        for begun in (b"", b"GET /ws HT", request(kit)[:-2], request(kit, "Content-Length: 9", method="POST") + b"x"):
            raw = await kit.raw()
            await raw.write(begun)
            assert None is await raw.receive_frame()


@in_loop
async def test_server_believes_no_forwarding_header() -> None:
    """R014: nobody becomes somebody else by X-Real-Ip, and the audit names the peer."""
    async with chat_kit(limits=Limits(attempts_burst=3, attempts_per_second=0.001)) as kit:
        statuses = []
        for number in range(6):
            spoofed = [("X-Real-Ip", f"192.0.2.{number}"), ("X-Forwarded-For", f"192.0.2.{number}")]
            _, answer = await kit.handshake("/ws", token=kit.token(), extra=spoofed)
            statuses.append(answer.status)
        for _ in range(3):
            statuses.append((await kit.handshake("/ws"))[1].status)
        statuses.append((await kit.handshake("/ws", token=kit.token()))[1].status)

    assert [403] * 6 + [401] * 3 + [429] == statuses


@in_loop
async def test_server_access_log_of_the_application_without_queries(caplog: pytest.LogCaptureFixture) -> None:
    """What is sent to a wrong path is no less secret; the path stays readable, and the level tells the status."""
    caplog.set_level(logging.INFO)
    async with chat_kit() as kit:
        await answer_to(kit, request(kit, path="/nowhere?token=s3cr3t"))
        await answer_to(kit, request(kit, path="/wssec/live?token=s3cr3t"))

    lines = [
        (record.levelname, record.getMessage()[:25]) for record in caplog.records if record.name == "tornado.access"
    ]
    assert [("WARNING", "404 GET /nowhere?[redacte"), ("INFO", "200 GET /wssec/live?[reda")] == lines


@in_loop
async def test_server_access_log_of_the_applications_own() -> None:
    """An application that logs by itself goes on doing so."""
    seen: list[int] = []
    async with chat_kit(app_settings={"log_function": lambda handler: seen.append(handler.get_status())}) as kit:
        await answer_to(kit, request(kit))

    assert [200] == seen


@in_loop
async def test_server_malformed_request(caplog: pytest.LogCaptureFixture) -> None:
    """Tornado's line about it says that it came, not what was in it; after the guard, the logger is as it was."""
    caplog.set_level(logging.INFO)
    before = list(logging.getLogger("tornado.general").filters)
    async with chat_kit() as kit:
        assert 400 == await answer_to(kit, request(kit, "Authorization: Bearer s3cr3t\x00"))

    assert "Malformed HTTP message from" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert before == logging.getLogger("tornado.general").filters


@in_loop
async def test_server_listens_on_loopback() -> None:
    """Without TLS it binds 127.0.0.1, and leaves the port when it stops."""
    async with chat_kit() as kit:
        socket = await RawSocket.open(kit.port)
        assert 200 == (await socket.upgrade("/wssec/live", handshake_headers(kit.host))).status
        await socket.close()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await RawSocket.open(kit.port)


@in_loop
async def test_server_two_listeners() -> None:
    """One guard may listen twice: both doors lead in, count together, and close together."""
    async with chat_kit() as kit:
        first, second = kit.port, kit.guard.listen(kit.app, 0)
        for kit.port in (first, second):
            await (await kit.connect("/ws")).assert_nothing_received()
            await kit.assert_handshake_refused(401, "/ws", token="none")
        assert {("credential", 401): 2} == dict(kit.guard.refusals)
    for port in (first, second):
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await RawSocket.open(port)


@in_loop
async def test_f12_accepted_sockets_are_prompt_and_probed() -> None:
    """What is written leaves at once, and a peer that is gone without a word is noticed by the kernel, too."""
    async with chat_kit() as kit:
        await kit.raw()
        await answer_to(kit, request(kit))
        (server,) = [listener._server for listener in kit.guard._lifecycle._listeners]
        sockets = [connection.stream.socket for connection in server._connections]

        assert sockets
        for one in sockets:
            assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        quiet = min(server._connections, key=lambda connection: server._visits[connection].served)
        assert quiet.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_tls_without_a_certificate(tmp_path: Path) -> None:
    """A certificate that cannot be read is an error at the start, not plain text."""
    with pytest.raises(OSError, match="No such file"):
        tls_context(f"{tmp_path}/none.pem", f"{tmp_path}/none.key")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    (tmp_path / "tls.pem").write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "tls.key").write_bytes(private)
    (tmp_path / "tls.key").chmod(0o600)
    return str(tmp_path / "tls.pem"), str(tmp_path / "tls.key")


@in_loop
async def test_r001_wss(certificate: tuple[str, str]) -> None:
    """With WSSEC_TLS_CERT and WSSEC_TLS_KEY it speaks TLS 1.2 or later and nothing else."""
    settings = {"tls_cert": certificate[0], "tls_key": certificate[1], "hosts": ("127.0.0.1",)}
    trusting = ssl.create_default_context(cafile=certificate[0])
    async with chat_kit(settings=settings) as kit:
        socket = await RawSocket.open(kit.port, tls=trusting)
        headers = handshake_headers(kit.host, origin=ORIGIN, token=kit.token())
        assert 101 == (await socket.upgrade("/ws", headers)).status
        await socket.close()
        plain = await kit.raw()
        await plain.write(request(kit))
        assert None is await plain.receive_frame()


def test_r002_protocols(certificate: tuple[str, str]) -> None:
    """TLS 1.1 and earlier are not spoken, and nothing is compressed."""
    context = tls_context(*certificate)

    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
