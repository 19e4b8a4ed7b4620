"""Lines J03, J06 and J13 to J16 over real sockets: tokens and key sets of other issuers.

The identity provider is a process of the tests' own; see `tests/issuers`. What each of its answers does to a guard is
asked in `tests/issuers/test_fetching.py`.
"""

import asyncio
import secrets
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.issuers.provider import Provider
from tests.issuers.scenes import BRISK, ENDLESS, ROLES, RULES, SSO, claims, sso, trusting
from tests.kits import in_loop, uniform
from tornado_wssec import ConfigurationError, Issuer, Limits, Timeouts, TokenRefused, TokenRules
from tornado_wssec.testing import GuardKit

from .forgery import b64, forge, forge_by_hmac, public_spellings

OTHER = "https://other.example.com"


@pytest.fixture(scope="module")
def running_provider() -> Iterator[Provider]:
    """One process for this file."""
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """The provider as it behaves at first."""
    running_provider.behave()
    running_provider.fetches()
    return running_provider


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Every name that is looked up and every address that is connected to, from now on."""
    seen: list[tuple[str, Any]] = []
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def note_name(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        seen.append(("name", host))
        return look_up(host, port, *rest, **more)

    def note_address(self: socket.socket, address: Any) -> None:
        seen.append(("address", address[1]))
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", note_name)
    monkeypatch.setattr(socket.socket, "connect", note_address)
    return seen


async def refused(kit: GuardKit, *tokens: str) -> None:
    """Claim that each of these is refused with the very answer that no credential at all gets."""
    nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))
    for token in tokens:
        assert nothing == uniform(await kit.assert_handshake_refused(401, "/ws", token=token))


# --- J13 ---


@in_loop
async def test_j13_ten_thousand_random_kids(provider: Provider) -> None:
    """At most one fetch in a cool-down; those who are known are answered all the while."""
    async with trusting(sso(provider)) as kit:
        known = provider.sign(claims(kit.clock.wall))
        head, _, mark = known.partition(".")[2].rpartition(".")
        kit.clock.advance(30)
        provider.fetches()

        async def show(place: int) -> str:
            kid = secrets.token_urlsafe(8)
            token = f"{_header(kid)}.{head}.{mark}"
            with pytest.raises(TokenRefused) as caught:
                await kit.guard.identify_token(token)
            return caught.value.evidence

        found = await asyncio.gather(*(show(place) for place in range(10_000)))
        assert "ann" == (await kit.guard.identify_token(known)).subject

    assert 10_000 == sum(evidence.startswith("no key '") for evidence in found)
    assert 1 == len(provider.fetches())


@in_loop
async def test_j13_kids_over_the_wire(provider: Provider) -> None:
    """A few at once over sockets: one fetch, one answer."""
    async with trusting(sso(provider)) as kit:
        kit.clock.advance(30)
        body = provider.sign(claims(kit.clock.wall)).partition(".")[2]
        provider.fetches()
        tokens = [f"{_header(secrets.token_urlsafe(8))}.{body}" for _ in range(50)]
        await asyncio.gather(*(kit.assert_handshake_refused(401, "/ws", token=token) for token in tokens))
        await refused(kit, *tokens[:2])

    assert 1 == len(provider.fetches())


@in_loop
async def test_j13_a_failed_fetch_counts_as_one(provider: Provider) -> None:
    """And keeps the old keys."""
    async with trusting(sso(provider)) as kit:
        token, unknown = provider.sign(claims(kit.clock.wall)), provider.sign(claims(kit.clock.wall), kid="weak")
        kit.clock.advance(30)
        provider.behave("failing")
        provider.fetches()
        await refused(kit, unknown, unknown, unknown)
        await (await kit.connect("/ws", token=token)).close()

    assert 1 == len(provider.fetches())


@in_loop
async def test_j13_a_fetch_holds_nobody_up(provider: Provider) -> None:
    """While the issuer says nothing, others come in, and only so many wait for it."""
    limits = Limits(jwks_waiting=2)
    async with trusting(sso(provider), timeouts=BRISK, limits=limits) as kit:
        token, unknown = provider.sign(claims(kit.clock.wall)), provider.sign(claims(kit.clock.wall), kid="weak")
        kit.clock.advance(30)
        provider.behave("silent")
        provider.fetches()
        waiting = [asyncio.create_task(kit.guard.identify_token(unknown)) for _ in range(2)]
        await asyncio.to_thread(provider.wait_for_fetch)
        await (await kit.connect("/ws", token=token)).close()
        await (await kit.connect("/ws")).close()
        with pytest.raises(TokenRefused):  # at once: two wait already
            await kit.guard.identify_token(unknown)
        assert [False, False] == [task.done() for task in waiting]
        for task in waiting:
            with pytest.raises(TokenRefused):
                await task


# --- J14 ---


@in_loop
async def test_j14_one_kid_of_two_issuers(provider: Provider) -> None:
    """Each token verifies by the key of the issuer that it names, and by no other of that name."""
    theirs = sso(provider, "/other", issuer=OTHER)
    async with trusting(sso(provider), theirs) as kit:
        now = kit.clock.wall
        right = [provider.sign(claims(now)), provider.sign(claims(now, iss=OTHER), issuer="/other")]
        wrong = [provider.sign(claims(now), issuer="/other"), provider.sign(claims(now, iss=OTHER))]
        people = [await kit.guard.identify_token(token) for token in right]
        await refused(kit, *wrong)
        await refused(kit, *wrong)  # also behind the others, which are known by now

    assert [(SSO, "ann", "rsa"), (OTHER, "ann", "rsa")] == [(who.issuer, who.subject, who.key_id) for who in people]


@in_loop
async def test_j14_our_kid_at_another_issuer(provider: Provider) -> None:
    """Its keys never speak in our name, nor ours in its name."""
    async with trusting(sso(provider)) as kit:
        ours = kit.keys.ring.current
        by_them = claims(kit.clock.wall, iss=kit.guard.rules.issuer, aud=kit.guard.rules.audience)
        header = {"alg": ours.alg, "typ": "JWT", "kid": ours.kid}
        await refused(
            kit,
            provider.sign(by_them),
            provider.sign(by_them, header={"typ": "at+jwt", "kid": ours.kid}),
            provider.sign(by_them, header={"typ": "at+jwt", "kid": "rsa"}),
            provider.sign(claims(kit.clock.wall), header={"typ": "JWT", "kid": ours.kid}),
            forge(ours, header, claims(kit.clock.wall)),
            forge(ours, {**header, "kid": "rsa"}, claims(kit.clock.wall)),
        )


def test_j14_two_issuers_of_one_name() -> None:
    """Do not start, nor one that has ours."""
    one = Issuer(jwks_url="https://sso.example.com/keys", rules=RULES)
    other = Issuer(jwks_url="https://elsewhere.example.com/keys", rules=RULES)
    ours = Issuer(jwks_url=one.jwks_url, rules=TokenRules(issuer="https://issuer.example.com", audience="chat"))

    with pytest.raises(ConfigurationError, match=r"has the same iss as another issuer's"):
        trusting(one, other)
    with pytest.raises(ConfigurationError, match=r"has the same iss as our own"):
        trusting(ours)


# --- J15 ---


@pytest.mark.standard("ASVS 5.0 9.1.3")
@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("file:///etc/passwd", "is no URL to fetch from"),
        ("http://sso.example.com/keys", "is not https"),
        ("http://127.0.0.1/keys", "is not https"),
        ("ftp://sso.example.com/keys", "is not https"),
        ("javascript:alert(1)", "is no URL to fetch from"),
        ("//sso.example.com/keys", "is not https"),
        ("https://", "is no URL to fetch from"),
        ("https://user:pass@sso.example.com/keys", "has a name or a password in it"),
        ("https://user:pass@sso.example.com:0/keys", "is no URL to fetch from"),
        ("https://sso.example.com/keys#fragment", "is no URL to fetch from"),
        ("https://sso.example.com:0/keys", "is no URL to fetch from"),
        ("https://sso.example.com:99999/keys", "is no URL to fetch from"),
        ("https://sso.example.com/ke ys", "is no URL to fetch from"),
        ("https://sso.example.com/\r\nX: y", "is no URL to fetch from"),
        ("https://[::1/keys", "is no URL to fetch from"),
        ("", "is no URL to fetch from"),
        (None, "is no URL to fetch from"),
    ],
)
def test_j15_place_of_the_keys(url: Any, fault: str) -> None:
    """What is no https URL does not start; the password in one is not told."""
    with pytest.raises(ConfigurationError, match=f"Issuer.jwks_url: .*{fault}") as caught:
        Issuer(jwks_url=url, rules=RULES)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://sso.example.com/keys", "http://169.254.169.254/", "file:///etc/passwd"])
def test_j15_insecure_is_for_loopback_alone(url: str) -> None:
    """Spelt out or not."""
    with pytest.raises(ConfigurationError, match=r"Issuer.jwks_url"):
        Issuer(jwks_url=url, rules=RULES, insecure_url=True)


@pytest.mark.parametrize("behaviour", ["redirecting", "redirecting_here"])
@in_loop
async def test_j15_redirects_are_not_followed(provider: Provider, behaviour: str, asked: list[tuple[str, Any]]) -> None:
    """Neither to the cloud's metadata nor to another place of the same server."""
    provider.behave(behaviour)
    async with trusting(sso(provider)) as kit:
        await kit.assert_handshake_refused(503, "/ws", token=provider.sign(claims(kit.clock.wall)))
        assert {("name", "127.0.0.1")} >= {entry for entry in asked if entry[0] == "name"}
        assert {provider.port, kit.port} >= {port for what, port in asked if what == "address"}

    assert 1 == len(provider.fetches())  # which fails where anything else was asked for


@pytest.mark.parametrize("behaviour", ["huge", "endless", "unpacking", "dripping", "silent", "deep"])
@in_loop
async def test_j15_answers_without_end(provider: Provider, behaviour: str) -> None:
    """Ten megabytes, a byte now and then, or none: bounded, and no keys come of it."""
    provider.behave(behaviour)
    async with trusting(sso(provider), timeouts=BRISK if behaviour in ENDLESS else Timeouts()) as kit:
        await kit.assert_handshake_refused(503, "/ws", token=provider.sign(claims(kit.clock.wall)))


@pytest.mark.standard("RFC 7517")
@in_loop
async def test_j15_broken_keys_among_good_ones(provider: Provider) -> None:
    """Good keys work; none of the others does, whatever it is called."""
    provider.behave("mixed")
    async with trusting(sso(provider)) as kit:
        (issuer,) = kit.guard.issuers
        assert issuer.ring is not None
        assert {"rsa", "ec"} == {key.kid for key in issuer.ring.keys}
        now = kit.clock.wall
        for kid in ("rsa", "ec"):
            assert "ann" == (await kit.guard.identify_token(provider.sign(claims(now), kid=kid))).subject
        bad = ("enc", "broken", "off-the-curve", "leaked", "somebody's", "rsa-as-secret", "7")
        tokens = [provider.sign(claims(now), header={"typ": "JWT", "kid": kid}) for kid in bad]
        await refused(kit, *tokens, provider.sign(claims(now), kid="weak"))


@in_loop
async def test_j03_secret_in_a_key_set(provider: Provider) -> None:
    """A shared secret there is everybody's, and no public key there is a secret."""
    provider.behave("mixed")
    async with trusting(sso(provider)) as kit:
        (issuer,) = kit.guard.issuers
        assert issuer.ring is not None
        key, now = issuer.ring.keys[0], kit.clock.wall
        secrets_of_nobody = {"oct": b"0123456789abcdefghijklmnopqrstuv", **public_spellings(key)}
        header = {"alg": "HS256", "typ": "JWT"}
        tokens = [
            forge_by_hmac(secret, {**header, "kid": kid}, claims(now))
            for secret in secrets_of_nobody.values()
            for kid in ("oct", "rsa", "rsa-as-secret")
        ]
        await refused(kit, *tokens)


# --- J06, J16 ---


@in_loop
async def test_j06_places_in_a_token_are_not_asked(provider: Provider, asked: list[tuple[str, Any]]) -> None:
    """No header, no iss and no kid makes a guard look anywhere but where its configuration says."""
    async with trusting(sso(provider)) as kit:
        now, elsewhere = kit.clock.wall, f"{provider.url}/evil/keys"
        kit.clock.advance(30)
        heads: list[dict[str, Any]] = [{name: elsewhere} for name in ("jku", "x5u", "jwks_uri", "issuer")]
        heads += [{"kid": elsewhere}, {"jwk": {"kty": "oct", "k": "AAAA"}}, {"x5c": ["AAAA"]}, {"x5t": "AAAA"}]
        tokens = [provider.sign(claims(now), header={"typ": "JWT", "kid": "rsa", **head}) for head in heads]
        places = (elsewhere, provider.url, "https://169.254.169.254/", f"{SSO}/", SSO.upper(), f"{SSO}#", "")
        tokens += [provider.sign(claims(now, iss=place)) for place in places]
        tokens += [provider.sign(claims(now, iss=place)) for place in ([SSO], {"iss": SSO}, 7, None)]
        await refused(kit, *tokens)
        assert {provider.port, kit.port} >= {port for what, port in asked if what == "address"}

    assert {"/keys"} == set(provider.fetches())


@pytest.mark.parametrize("typ", ["JWT", None, "id+jwt", "application/jwt"])
def test_j16_rules_that_tell_nothing_apart(typ: str | None) -> None:
    """Do not start: ID tokens of the same keys would do."""
    rules = TokenRules(issuer=SSO, audience="chat", typ=typ)

    with pytest.raises(ConfigurationError, match="which ID tokens and refresh tokens have, too; name in required"):
        Issuer(jwks_url="https://sso.example.com/keys", rules=rules)


@in_loop
async def test_j16_own_and_foreign_kinds_do_not_mix(provider: Provider) -> None:
    """Our typ in its token, its typ in ours."""
    async with trusting(sso(provider), roles=ROLES) as kit:
        ours, rules = kit.keys.ring.current, kit.guard.rules
        own = claims(kit.clock.wall, iss=rules.issuer, aud=rules.audience)
        await refused(
            kit,
            provider.sign(claims(kit.clock.wall), header={"typ": "at+jwt", "kid": "rsa"}),
            forge(ours, {"alg": ours.alg, "typ": "JWT", "kid": ours.kid}, own),
        )


def _header(kid: str) -> str:
    return b64(f'{{"alg":"RS256","typ":"JWT","kid":"{kid}"}}')
