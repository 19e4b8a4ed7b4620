"""The life of a certificate: read, renewed under load, torn, and at its end."""

import logging
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.certificates import Certified, certify
from tests.kits import chat_kit, in_loop
from tornado_wssec import ConfigurationError, Timeouts
from tornado_wssec.certificates import DAY_SECONDS, Certificate, tls_context
from tornado_wssec.testing import GuardKit, RawSocket
from tornado_wssec.testing.raw import handshake_headers

DAY: Final = DAY_SECONDS


@pytest.fixture
def shown(tmp_path: Path) -> Certified:
    """What the server shows at first."""
    (tmp_path / "shown").mkdir()
    return certify(tmp_path / "shown")


@pytest.fixture
def renewed(tmp_path: Path) -> Certified:
    """Another one, to take its place."""
    (tmp_path / "renewed").mkdir()
    return certify(tmp_path / "renewed")


def certificate_of(files: Certified) -> Certificate:
    """The certificate of these files."""
    return Certificate(str(files.certificate), str(files.key))


def replace(old: Path, new: Path) -> None:
    """Put a new file in the place of an old one, as a renewing program does."""
    waiting = old.with_suffix(".new")
    shutil.copy(new, waiting)
    waiting.replace(old)


def renew(shown: Certified, renewed: Certified) -> None:
    """Put a new pair in the place of an old one."""
    replace(shown.certificate, renewed.certificate)
    replace(shown.key, renewed.key)


@asynccontextmanager
async def serving(files: Certified) -> AsyncIterator[GuardKit]:
    """A chat behind TLS on loopback, from WSSEC_TLS_CERT and WSSEC_TLS_KEY."""
    settings = {"tls_cert": str(files.certificate), "tls_key": str(files.key), "hosts": ("127.0.0.1",)}
    async with chat_kit(settings=settings) as kit:
        yield kit


async def is_trusted(kit: GuardKit, files: Certified) -> bool:
    """Whether a client that trusts this certificate alone gets through."""
    try:
        socket = await RawSocket.open(kit.port, tls=files.trusted())
    except ssl.SSLError:
        return False
    answer = await socket.upgrade("/wssec/live", handshake_headers(kit.host))
    await socket.close()
    return answer.status == 200


# --- renewed ---


@pytest.mark.requirement("R002")
@in_loop
async def test_r002_certificate_is_renewed_without_a_restart(shown: Certified, renewed: Certified) -> None:
    """Who is connected stays, and who connects sees the new certificate."""
    async with serving(shown) as kit:
        old = await RawSocket.open(kit.port, tls=shown.trusted())
        before = shown.trusted()
        assert [True, False] == [await is_trusted(kit, shown), await is_trusted(kit, renewed)]
        shutil.copy(shown.certificate, shown.certificate.with_name("first.pem"))
        renew(shown, renewed)
        for _ in range(2):
            await kit.advance(0.25)
        assert await is_trusted(kit, renewed)
        with pytest.raises(ssl.SSLError):
            await RawSocket.open(kit.port, tls=before)
        assert 200 == (await old.upgrade("/wssec/live", handshake_headers(kit.host))).status
        await old.close()


@in_loop
async def test_r002_half_renewed_pair_is_not_shown(
    shown: Certified, renewed: Certified, caplog: pytest.LogCaptureFixture
) -> None:
    """A certificate without its key leaves the pair before in force, is told of once, and is taken up once whole."""
    trusted_before = Certified(shown.certificate.with_name("first.pem"), shown.key)
    shutil.copy(shown.certificate, trusted_before.certificate)
    async with serving(shown) as kit:
        replace(shown.certificate, renewed.certificate)
        for _ in range(5):
            await kit.advance(0.25)
        assert await is_trusted(kit, trusted_before)
        assert 1 == caplog.text.count("the new certificate cannot be used")
        replace(shown.key, renewed.key)
        for _ in range(2):
            await kit.advance(0.25)
        assert await is_trusted(kit, renewed)
    assert str(shown.key.read_text().splitlines()[1]) not in caplog.text


def break_certificate(files: Certified) -> None:
    """Cut it in the middle."""
    files.certificate.write_bytes(files.certificate.read_bytes()[:200])


def break_key(files: Certified) -> None:
    """Leave nothing of it."""
    files.key.write_bytes(b"")


def lose_key(files: Certified) -> None:
    """Remove it."""
    files.key.unlink()


def open_key(files: Certified) -> None:
    """Replace it by one that everybody may read."""
    content = files.key.read_bytes()
    files.key.unlink()
    files.key.write_bytes(content)
    files.key.chmod(0o644)


def seal_key(files: Certified) -> None:
    """Put a passphrase on it, for which OpenSSL would ask the terminal."""
    key = load_pem_private_key(files.key.read_bytes(), None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cr3t"))
    files.key.write_bytes(sealed)


BROKEN = [break_certificate, break_key, lose_key, open_key, seal_key]


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__)
def test_certificate_that_cannot_be_used_does_not_start(damage: object, shown: Certified) -> None:
    """At the start it is an error, never plain text and never a question at the terminal."""
    assert callable(damage)
    damage(shown)

    with pytest.raises((OSError, ValueError, ConfigurationError)):
        certificate_of(shown)


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__)
def test_certificate_that_breaks_stays(
    damage: object, shown: Certified, renewed: Certified, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a running server the pair before stays in force, with one line; the next whole pair is taken up."""
    assert callable(damage)
    certificate = certificate_of(shown)
    context = certificate.context
    damage(shown)

    assert [False] * 6 == [certificate.look(0) for _ in range(6)]
    assert context is certificate.context
    assert 1 == len(caplog.records)
    renew(shown, renewed)
    assert [False, True, False] == [certificate.look(0) for _ in range(3)]
    assert context is not certificate.context


def test_certificate_behind_a_link(shown: Certified, renewed: Certified, tmp_path: Path) -> None:
    """A link that is turned to another directory is a renewal, too: so Kubernetes and certbot do it."""
    current = tmp_path / "current"
    current.symlink_to(shown.certificate.parent)
    certificate = certificate_of(Certified(current / "certificate.pem", current / "key.pem"))
    turned = tmp_path / "turned"
    turned.symlink_to(renewed.certificate.parent)
    turned.replace(current)

    assert [False, True] == [certificate.look(0), certificate.look(0)]


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o602])
def test_key_open_to_others(mode: int, shown: Certified) -> None:
    """The error names the file, its mode and the remedy."""
    shown.key.chmod(mode)

    with pytest.raises(ConfigurationError, match=f"WSSEC_TLS_KEY: .*key.pem has mode {mode:04o}.*; chmod 600 "):
        certificate_of(shown)


def test_key_of_a_group(shown: Certified) -> None:
    """Its group may read it: Debian's `ssl-cert` is made for that."""
    shown.key.chmod(0o640)
    certificate_of(shown)


# --- its end ---


def warnings_over(certificate: Certificate, days: list[float], caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is said, looked at so many days before the end."""
    caplog.clear()
    for left in days:
        for _ in range(3):
            certificate.look(certificate.expires_at - left * DAY)
    return [message.partition(", on ")[0] for message in caplog.messages]


@pytest.mark.requirement("R002")
def test_r002_certificate_about_to_end_is_warned_of(shown: Certified, caplog: pytest.LogCaptureFixture) -> None:
    """30, 14, 7, 3 and 1 days before, once each, and once when it has ended."""
    days = [60, 31, 30, 29, 20, 14, 10, 7, 5, 3, 2, 1, 0.5, 0, -1]

    *before, last = warnings_over(certificate_of(shown), days, caplog)
    assert [f"the certificate ends in {left} days" for left in (30, 14, 7, 3, 1)] == before
    assert last.startswith("the certificate ended on ")
    assert logging.ERROR == caplog.records[-1].levelno


def test_certificate_found_late_is_warned_of_once(shown: Certified, caplog: pytest.LogCaptureFixture) -> None:
    """A server that starts five days before the end says so once, not for each day that has passed."""
    assert ["the certificate ends in 5 days"] == warnings_over(certificate_of(shown), [5, 4], caplog)


def test_certificate_renewed_is_warned_of_anew(
    shown: Certified, renewed: Certified, caplog: pytest.LogCaptureFixture
) -> None:
    """The days of the next one are its own."""
    certificate = certificate_of(shown)
    warnings_over(certificate, [5], caplog)
    renew(shown, renewed)

    assert ["the certificate ends in 5 days"] == warnings_over(certificate, [5, 5], caplog)


# --- what is spoken ---


@contextmanager
def connected(files: Certified, client: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """One TLS handshake in memory's stead: both ends of a socket pair."""
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    server = tls_context(str(files.certificate), str(files.key))
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    with (
        client.wrap_socket(near, do_handshake_on_connect=False) as one,
        server.wrap_socket(far, server_side=True, do_handshake_on_connect=False) as other,
    ):
        waiting = [one, other]
        while waiting:
            for end in list(waiting):
                try:
                    end.do_handshake()
                    waiting.remove(end)
                except ssl.SSLWantReadError:
                    continue
        other.send(b"x")  # behind whatever else a server of TLS 1.3 has to say at first
        with suppress(ssl.SSLWantReadError):
            one.recv(1)
        yield one


def client_of(versions: tuple[ssl.TLSVersion, ssl.TLSVersion], ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A client that speaks these versions and ciphers."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.set_ciphers(ciphers)
    client.minimum_version, client.maximum_version = versions
    return client


ONE_TWO = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
ONE_THREE = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


@pytest.mark.standard("RFC 9325")
@pytest.mark.requirement("R002")
@pytest.mark.parametrize("versions", [ONE_TWO, ONE_THREE], ids=["1.2", "1.3"])
def test_r002_tls_is_forward_secret(versions: tuple[ssl.TLSVersion, ssl.TLSVersion], shown: Certified) -> None:
    """Ephemeral keys, authenticated encryption, nothing compressed, and no ticket to resume by."""
    with connected(shown, client_of(versions)) as client:
        name, protocol, _ = client.cipher() or ("", "", 0)
        session = client.session

        assert name.startswith(("ECDHE-", "TLS_"))
        assert "GCM" in name or "POLY1305" in name
        assert None is client.compression()
        assert protocol in ("TLSv1.2", "TLSv1.3")
        assert session is None or not session.has_ticket


@pytest.mark.requirement("R002")
@pytest.mark.parametrize(
    ("versions", "ciphers"),
    [
        ((ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1), "ALL:@SECLEVEL=0"),
        ((ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1), "ALL:@SECLEVEL=0"),
        (ONE_TWO, "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"),
        (ONE_TWO, "AES128-GCM-SHA256"),
        (ONE_TWO, "AECDH-AES128-SHA:@SECLEVEL=0"),
    ],
    ids=["1.1", "1.0", "CBC", "RSA", "anonymous"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_r002_old_tls_is_refused(
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion], ciphers: str, shown: Certified
) -> None:
    """Earlier versions, and of 1.2 everything without forward secrecy or authenticated encryption."""
    with pytest.raises(ssl.SSLError), connected(shown, client_of(versions, ciphers)):
        pass


def test_r002_tls_options(shown: Certified) -> None:
    """Nobody renegotiates, and a protocol that is not HTTP/1.1 is not chosen."""
    context = tls_context(str(shown.certificate), str(shown.key))
    client = client_of(ONE_THREE)
    client.set_alpn_protocols(["h2", "http/1.1"])

    assert context.options & ssl.OP_NO_RENEGOTIATION
    with connected(shown, client) as one:
        assert "http/1.1" == one.selected_alpn_protocol()


# --- https from now on ---


@pytest.mark.standard("RFC 6797")
@pytest.mark.requirement("R002")
@in_loop
async def test_r002_hsts(shown: Certified) -> None:
    """Told on the guard's routes when they came by https, refusals included."""
    async with serving(shown) as kit:
        values = []
        for path in ("/wssec/live", "/wssec/ready", "/.well-known/jwks.json", "/wssec/ticket"):
            socket = await RawSocket.open(kit.port, tls=shown.trusted())
            headers = handshake_headers(kit.host, origin="https://evil.example.com")
            method = "POST" if path == "/wssec/ticket" else "GET"
            values.append((await socket.upgrade(path, headers, method=method)).headers["strict-transport-security"])
            wrong = await socket.upgrade(path, headers, method="PUT")  # which never gets as far as the route
            values.append(wrong.headers["strict-transport-security"])
            await socket.close()

    assert ["max-age=31536000"] * 8 == values


@pytest.mark.parametrize(
    ("seconds", "proxied", "told"), [(60.0, True, "max-age=60"), (60.0, False, None), (0.0, True, None)]
)
@in_loop
async def test_r002_hsts_behind_a_proxy(seconds: float, proxied: bool, told: str | None) -> None:
    """What a trusted proxy took by https counts; over http, or where it is switched off, nothing is told."""
    settings = {"trusted_proxies": ("127.0.0.1",)} if proxied else {}
    async with chat_kit(timeouts=Timeouts(hsts=seconds), settings=settings) as kit:
        raw = await kit.raw()
        answer = await raw.upgrade("/wssec/live", [("Host", kit.host), ("X-Forwarded-Proto", "https")])

    assert told == answer.headers.get("strict-transport-security")


def test_guard_says_when_its_certificate_ends(shown: Certified) -> None:
    """For whoever asks before clients do; None without one."""
    settings = {"tls_cert": str(shown.certificate), "tls_key": str(shown.key)}

    assert None is chat_kit().guard.certificate_expires_at
    assert certificate_of(shown).expires_at == chat_kit(settings=settings).guard.certificate_expires_at
