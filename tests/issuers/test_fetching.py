"""Keys of other issuers: fetched within bounds, kept while they cannot be, and never those of a stranger."""

import asyncio
import logging
import time
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.certificates import certify
from tests.kits import in_loop
from tornado_wssec import ConfigurationError, FirstMessage, Guard, Issuer, Timeouts, TokenRules
from tornado_wssec.testing import GuardKit

from .provider import Provider
from .scenes import BRISK, ENDLESS, RULES, SSO, claims, sso, trusting


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the issuers' log warns of."""
    return [record.getMessage() for record in caplog.records if record.name == "tornado_wssec.issuers"]


async def status(kit: GuardKit, token: str) -> int:
    """What a handshake with this token is answered."""
    socket, response = await kit.handshake("/ws", token=token)
    await socket.close()
    return response.status


# --- when ---


@in_loop
async def test_keys_are_fetched_once_at_the_start(provider: Provider) -> None:
    """Tokens ask for nothing then."""
    async with trusting(sso(provider)) as kit:
        for place in range(5):
            assert 101 == await status(kit, provider.sign(claims(kit.clock.wall, jti=f"t{place}"), kid="ec"))

    assert ["/keys"] == provider.fetches()


@in_loop
async def test_keys_are_fetched_again_in_the_background(provider: Provider) -> None:
    """Every five minutes; the next key is there before a token names it."""
    async with trusting(sso(provider)) as kit:
        await kit.advance(299)
        provider.behave(keys=["rsa", "ec", "weak"])
        assert ["/keys"] == provider.fetches()
        await kit.advance(1)
        assert ["/keys"] == provider.fetches()
        await kit.advance(299)
        assert [] == provider.fetches()


@in_loop
async def test_new_key_is_fetched_when_it_is_named(provider: Provider) -> None:
    """The first token under it waits for the fetch, if the last one is long enough ago."""
    provider.behave(keys=["rsa"])
    async with trusting(sso(provider)) as kit:
        token = provider.sign(claims(kit.clock.wall), kid="ec")
        provider.behave(keys=["rsa", "ec"])
        assert 401 == await status(kit, token)
        kit.clock.advance(30)
        assert 101 == await status(kit, token)

    assert 2 == len(provider.fetches())


@in_loop
async def test_keys_are_followed_by_a_guard_that_serves(provider: Provider) -> None:
    """Without a test that turns the clock: the fetch that is due is made, and `stop` ends it."""
    async with trusting(sso(provider)) as kit:
        await kit.guard.stop()
        await kit.guard.start()
        provider.fetches()
        kit.clock.advance(300)
        await asyncio.to_thread(provider.wait_for_fetch)


# --- keys that go ---


@in_loop
async def test_withdrawn_key_closes_its_connections(provider: Provider) -> None:
    """At the next refresh, those by its tokens and no others; a reconnect gets 401."""
    async with trusting(sso(provider)) as kit:
        tokens = {kid: provider.sign(claims(kit.clock.wall, sub=kid), kid=kid) for kid in ("rsa", "ec")}
        clients = {kid: await kit.connect("/ws", token=token) for kid, token in tokens.items()}
        ours = await kit.connect("/ws")
        provider.behave(keys=["rsa"])
        await kit.advance(300)
        await clients["ec"].assert_closed(4403)
        for client in (clients["rsa"], ours):
            await client.assert_nothing_received()
        assert 401 == await status(kit, tokens["ec"])


@in_loop
async def test_key_under_the_name_of_another_closes_its_connections(provider: Provider) -> None:
    """What the old one has signed counts no longer; what the new one signs does, and is left alone afterwards."""
    async with trusting(sso(provider)) as kit:
        before = provider.sign(claims(kit.clock.wall), kid="ec")
        client = await kit.connect("/ws", token=before)
        provider.behave("renewed")
        await kit.advance(300)
        await client.assert_closed(4403)
        assert 401 == await status(kit, before)

        client = await kit.connect("/ws", token=provider.sign(claims(kit.clock.wall), kid="ec", issuer="/other"))
        await kit.advance(300)
        await client.assert_nothing_received()


@in_loop
async def test_withdrawn_key_spends_its_tickets(provider: Provider) -> None:
    """A ticket is as good as the token that it was issued for."""
    async with trusting(sso(provider), timeouts=Timeouts(jwks_refresh=10.0)) as kit:
        identity = await kit.guard.identify_token(provider.sign(claims(kit.clock.wall), kid="ec"))
        first, second = [await kit.guard.issue_ticket(identity) for _ in range(2)]
        offered = ["wssec.v1", f"wssec.ticket.{first}"]
        socket, response = await kit.handshake("/ws", subprotocols=offered)
        assert 101 == response.status
        await socket.close()
        provider.behave(keys=["rsa"])
        await kit.advance(10)
        await kit.assert_handshake_refused(401, "/ws", subprotocols=["wssec.v1", f"wssec.ticket.{second}"])


@in_loop
async def test_unchanged_set_changes_nothing(provider: Provider) -> None:
    """The ring stays the same object, so that tokens stay known; the order of keys does not matter."""
    async with trusting(sso(provider)) as kit:
        (issuer,) = kit.guard.issuers
        before = issuer.ring
        provider.behave(keys=["ec", "rsa"])
        await kit.advance(300)

        assert 2 == len(provider.fetches())
        assert before is issuer.ring


# --- an issuer that is down ---


@in_loop
async def test_keys_outlive_their_issuer_for_a_day(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    """FAULTS: cached up to their maximum age, an unknown key is 401, never wiped; then 503, and back at once."""
    with Provider() as mortal:
        async with trusting(sso(mortal)) as kit:
            known = mortal.sign(claims(kit.clock.wall, exp=int(kit.clock.wall) + 86_400))
            late = mortal.sign(claims(kit.clock.wall + 86_400, jti="late"))
            unknown = mortal.sign(claims(kit.clock.wall), kid="weak")
            client = await kit.connect("/ws", token=known)
            mortal.kill()
            await kit.advance(300)
            await client.assert_nothing_received()
            await client.close()
            assert [101, 401] == [await status(kit, token) for token in (known, unknown)]
            await kit.advance(86_400 - 300)
            assert 101 == await status(kit, late)
            await kit.advance(1)
            assert 503 == await status(kit, late)
            with Provider(port=mortal.port) as again:
                fresh = again.sign(claims(kit.clock.wall))
                await kit.advance(30)
                assert 101 == await status(kit, fresh)

    told = warnings(caplog)
    assert any("ConnectionRefusedError" in line and "those known stay in force for 86100 s" in line for line in told)
    assert any("those known are too old: 503" in line for line in told)


@in_loop
async def test_issuer_that_is_down_at_the_start_is_asked_again(provider: Provider) -> None:
    """After the cool-down, by the background or by a token that waits."""
    provider.behave("html")
    async with trusting(sso(provider)) as kit:
        token = provider.sign(claims(kit.clock.wall))
        provider.behave()
        assert 503 == await status(kit, token)
        kit.clock.advance(30)
        assert 101 == await status(kit, token)


BAD = {
    "huge": "Connection closed",
    "endless": "Connection closed",
    "unpacking": "it is no JSON as we accept it",
    "redirecting": "it answered 302",
    "redirecting_here": "it answered 307",
    "dripping": "Timeout during request",
    "silent": "Timeout during request",
    "failing": "it answered 500",
    "html": "it is no JSON as we accept it",
    "torn": "it is no JSON as we accept it",
    "doubled": "an object names a key twice",
    "deep": "it is no JSON as we accept it",
    "empty": "JWKS has no key that can be used",
    "error_document": "JWKS is no JWK Set",
    "ambiguous": "JWKS has 2 keys named 'rsa'",
}


@pytest.mark.parametrize("behaviour", BAD)
@in_loop
async def test_bad_answer_changes_nothing(provider: Provider, behaviour: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the issuer's server does, the keys known before stay, and the log says in one line what it did."""
    timeouts = BRISK if behaviour in ENDLESS else Timeouts()
    async with trusting(sso(provider), timeouts=timeouts) as kit:
        token = provider.sign(claims(kit.clock.wall))
        provider.behave(behaviour)
        await kit.advance(300)
        assert 101 == await status(kit, token)

        (line,) = [line for line in warnings(caplog) if "cannot be fetched" in line]
        assert BAD[behaviour] in line
        assert "\n" not in line
        assert len(line) < 500
        assert 2 == len(provider.fetches())


@in_loop
async def test_start_waits_no_longer_than_a_fetch_may_take(provider: Provider) -> None:
    """For an issuer that never answers, and `stop` not even that long."""
    provider.behave("silent")
    began = time.monotonic()
    async with trusting(sso(provider), timeouts=BRISK) as kit:
        provider.fetches()
        kit.clock.advance(30)
        asking = asyncio.create_task(kit.guard.issuers.look())
        await asyncio.to_thread(provider.wait_for_fetch)
    await asking

    assert 5 > time.monotonic() - began  # the default bound of one fetch


@in_loop
async def test_refresh_while_the_keys_cannot_be_had(provider: Provider) -> None:
    """A connection of ours that shows such a token hears `unavailable` and stays; it may try again."""
    with Provider() as mortal:
        async with trusting(sso(mortal)) as kit:
            client = await kit.connect(
                "/ws", token=mortal.sign(claims(kit.clock.wall, exp=int(kit.clock.wall) + 86_400))
            )
            token = mortal.sign(claims(kit.clock.wall, exp=int(kit.clock.wall) + 86_400, jti="other"))
            mortal.kill()
            (issuer,) = kit.guard.issuers
            issuer.ring = None
            await client.assert_refused("unavailable", "wssec.refresh", {"token": token})
            await client.assert_nothing_received()


@in_loop
async def test_refresh_by_a_token_of_the_same_issuer(provider: Provider) -> None:
    """Rights are those of the new one; another issuer's token of the same subject is 4401."""
    other = sso(provider, "/other", issuer="https://other.example.com")
    async with trusting(sso(provider), other) as kit:
        client = await kit.connect("/ws", token=provider.sign(claims(kit.clock.wall, permissions=[])))
        fresh = provider.sign(claims(kit.clock.wall, jti="id-2", exp=int(kit.clock.wall) + 900))
        assert {"expires_in": 900.0} == await client.request("wssec.refresh", {"token": fresh})
        assert {"delivered": True} == await client.request("chat.send", {"room": "lobby", "text": "hello"})
        foreign = claims(kit.clock.wall, iss="https://other.example.com")
        await client.send("wssec.refresh", {"token": provider.sign(foreign, issuer="/other")})
        await client.assert_closed(4401)


@in_loop
async def test_first_message_by_a_token_of_another_issuer(provider: Provider) -> None:
    """Judged like one in the handshake, an unknown key and an issuer that is down among them."""
    async with trusting(sso(provider), authenticators=[FirstMessage()]) as kit:
        token = provider.sign(claims(kit.clock.wall))
        client = await kit.connect("/ws", token="")
        await client.send("wssec.auth", {"token": token})
        await client.assert_received("wssec.ready")
        assert {"delivered": True} == await client.request("chat.send", {"room": "lobby", "text": "hello"})
        stranger = await kit.connect("/ws", token="")
        await stranger.send("wssec.auth", {"token": provider.sign(claims(kit.clock.wall), kid="weak")})
        await stranger.assert_closed(4401)
        (issuer,) = kit.guard.issuers
        issuer.ring = None
        later = await kit.connect("/ws", token="")
        await later.send("wssec.auth", {"token": token})
        await later.assert_closed(1013)


@in_loop
async def test_client_that_the_application_has_configured_is_not_ours(provider: Provider) -> None:
    """Neither its class nor its defaults decide how keys are fetched."""
    provider.behave("redirecting_here")
    AsyncHTTPClient.configure(None, defaults={"follow_redirects": True, "validate_cert": False}, max_body_size=10**9)
    try:
        async with trusting(sso(provider)) as kit:
            assert 503 == await status(kit, provider.sign(claims(kit.clock.wall)))
    finally:
        AsyncHTTPClient.configure(None)
    provider.fetches()  # which fails where the redirect was followed


@in_loop
async def test_revocation_names_an_identity_of_one_issuer(provider: Provider) -> None:
    """`ann` of another issuer is somebody else."""
    async with trusting(sso(provider)) as kit:
        theirs = await kit.connect("/ws", token=provider.sign(claims(kit.clock.wall)))
        ours = await kit.connect("/ws", subject="ann")
        await kit.guard.revoke(subject="ann", issuer=SSO)
        await theirs.assert_closed(4403)
        await ours.assert_nothing_received()


def test_revocations_outlive_the_longest_tokens_of_any_issuer() -> None:
    """R077: an issuer's week counts, not our ten minutes."""
    week = TokenRules(issuer="a", audience="b", max_lifetime=7 * 86_400)
    kit = trusting(Issuer(jwks_url="https://sso.example.com/keys", rules=week))

    @in_loop
    async def revoke() -> None:
        async with kit:
            made = await kit.guard.revoke(token="t1")
            assert made.expires_at is not None
            assert made.expires_at > kit.clock.wall + 7 * 86_400

    revoke()


@in_loop
async def test_fault_of_ours_does_not_end_the_fetching(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told with its place; the keys known stay, and the next look asks again."""
    async with trusting(sso(provider)) as kit:
        token = provider.sign(claims(kit.clock.wall))
        with monkeypatch.context() as broken:
            broken.setattr(Issuer, "ring", lambda self, document: 1 / 0)
            await kit.advance(300)
        assert 101 == await status(kit, token)
        provider.fetches()
        await kit.advance(30)
        assert ["/keys"] == provider.fetches()

    assert any("ZeroDivisionError at" in line for line in warnings(caplog))


# --- TLS ---


@in_loop
async def test_certificate_of_an_issuer_is_verified(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By the system's authorities or by the file that is named, and for the very name in the URL."""
    certified, stranger = certify(tmp_path), tmp_path / "stranger"
    stranger.mkdir()
    other = certify(stranger)
    with Provider(certified) as provider:
        wanted = {
            (provider.url, str(certified.certificate)): 101,
            (provider.url, None): 503,
            (provider.url, str(other.certificate)): 503,
            (provider.url.replace("127.0.0.1", "localhost"), str(certified.certificate)): 503,
        }
        found = {}
        for url, ca_file in wanted:
            issuer = Issuer(jwks_url=f"{url}/keys", rules=RULES, ca_file=ca_file)
            async with trusting(issuer) as kit:
                found[url, ca_file] = await status(kit, provider.sign(claims(kit.clock.wall)))

    assert wanted == found
    assert 3 == sum("SSLCertVerificationError" in line for line in warnings(caplog))


def test_file_of_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    """The guard does not start: nobody's server could prove anything."""
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for name in (str(tmp_path / "absent.pem"), str(text)):
        with pytest.raises(ConfigurationError, match=r"Issuer.ca_file: .* cannot be read: .*; name a readable file"):
            trusting(Issuer(jwks_url="https://sso.example.com/keys", rules=RULES, ca_file=name))


def test_guard_lists_what_is_wrong_with_its_issuers() -> None:
    """Together with the rest of its settings, through the environment too."""
    twice = Issuer(jwks_url="https://sso.example.com/keys", rules=RULES)
    with pytest.raises(ConfigurationError) as caught:
        Guard.from_env({"WSSEC_ISSUER": SSO, "WSSEC_AUDIENCE": "us"}, issuers=[twice])

    assert ["WSSEC_STORE", f"issuer {SSO}"] == [
        problem.where for problem in caught.value.problems if problem.where in ("WSSEC_STORE", f"issuer {SSO}")
    ]


@in_loop
async def test_logs_of_fetching_hold_no_token(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    """Neither what is refused nor what is ignored is quoted."""
    caplog.set_level(logging.DEBUG)
    provider.behave("mixed")
    async with trusting(sso(provider)) as kit:
        token = provider.sign(claims(kit.clock.wall), kid="weak")
        await status(kit, token)

    assert [] == [part for part in token.split(".") if part in caplog.text]
    assert "is RSA with 1024 bits" in caplog.text
    assert "AQAB" not in caplog.text
