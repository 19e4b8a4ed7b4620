"""Tokens shaped as Keycloak, Entra and Auth0 issue them: by configuration alone, and nothing else that they sign."""

from collections.abc import Callable

import pytest

from tests.kits import in_loop, uniform
from tornado_wssec import NotReady, TokenRefused
from tornado_wssec.testing.clock import NOON

from .provider import Provider
from .scenes import trusting
from .shapes import ROOM, SHAPES, Shape, auth0

Make = Callable[[float, str], Shape]
every_shape = pytest.mark.parametrize("make", SHAPES, ids=lambda make: make.__name__)


@every_shape
@in_loop
async def test_access_tokens_are_accepted_as_they_are(provider: Provider, make: Make) -> None:
    """Over a real socket: the person, the tenant where the rules name one, and the rights."""
    shape = make(NOON, f"{provider.url}/keys")
    token = provider.sign(shape.access)
    async with trusting(shape.issuer) as kit:
        client = await kit.connect("/ws", token=token)
        assert {"delivered": True} == await client.request("chat.send", {"room": "lobby", "text": "hello"})
        await client.assert_refused("permission_denied", "chat.send", {"room": "vault", "text": "hello"})
        identity = await kit.guard.identify_token(token)

    assert (shape.issuer.name, shape.subject, shape.tenant) == (identity.issuer, identity.subject, identity.tenant)
    assert shape.access == dict(identity.claims)
    assert "rsa" == identity.key_id
    assert shape.token_id in (identity.token_id, None)


@every_shape
@in_loop
async def test_j16_what_the_same_keys_sign_is_no_access_token(provider: Provider, make: Make) -> None:
    """ID tokens, refresh tokens and others, really signed: refused with the answer that no credential at all gets."""
    shape = make(NOON, f"{provider.url}/keys")
    async with trusting(shape.issuer) as kit:
        nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))
        for what, claims in shape.others.items():
            answer = await kit.assert_handshake_refused(401, "/ws", token=provider.sign(claims))
            assert (what, nothing) == (what, uniform(answer))
        for typ in ("id+jwt", "logout+jwt", "rt+jwt", "at", None, 7, "J\u212aT"):
            token = provider.sign(shape.access, header={"kid": "rsa", "typ": typ})
            await kit.assert_handshake_refused(401, "/ws", token=token)


@in_loop
async def test_rights_are_what_the_rules_name(provider: Provider) -> None:
    """What another issuer calls `roles`, `scope` or `tenant` is nothing to us unless the rules say so."""
    shape = auth0(NOON, f"{provider.url}/keys")
    token = provider.sign(shape.access | {"roles": ["writer"], "tenant": "acme", "permissions": ["a"], "scope": "b"})
    async with trusting(shape.issuer) as kit:
        identity = await kit.guard.identify_token(token)

    assert (["a", "b"], None) == (list(identity.permissions), identity.tenant)


@in_loop
async def test_wildcards_of_another_issuer_are_no_patterns(provider: Provider) -> None:
    """A client may choose its scope: `**` is a word like any other there, and no permission is called so."""
    shape = auth0(NOON, f"{provider.url}/keys")
    asked = ["**", "*", "chat:**", "chat:write:*", "a b", "a::b", "{room}", "caf\u00e9", "", "read:chat"]
    token = provider.sign(shape.access | {"permissions": asked, "scope": "** chat:*:lobby"})
    async with trusting(shape.issuer) as kit:
        identity = await kit.guard.identify_token(token)
        client = await kit.connect("/ws", token=token)
        await client.assert_refused("permission_denied", "chat.send", {"room": "lobby", "text": "hello"})

    assert ["read:chat"] == list(identity.permissions)


@in_loop
async def test_token_without_a_name_gets_one_from_what_it_says(provider: Provider) -> None:
    """Two signatures of the same claims are one token; revoking it by its text revokes both."""
    shape = auth0(NOON, f"{provider.url}/keys")
    first, second = (provider.sign(shape.access, kid="ec") for _ in range(2))
    other = provider.sign(shape.access | {"azp": "another"})
    async with trusting(shape.issuer) as kit:
        client = await kit.connect("/ws", token=first)
        names = [(await kit.guard.identify_token(token)).token_id for token in (first, second, other)]
        await kit.guard.revoke(token=second)
        await client.assert_closed(4403)
        for token in (first, second):
            await kit.assert_handshake_refused(401, "/ws", token=token)
        await (await kit.connect("/ws", token=other)).close()

    assert first != second
    assert names[0] == names[1] != names[2]


@in_loop
async def test_roles_of_an_issuer_may_have_a_table_of_their_own(provider: Provider) -> None:
    """Its `writer` need not be ours."""
    own = [{}, {"writer": [ROOM]}]
    found = []
    for roles in own:
        shape = SHAPES[1](NOON, f"{provider.url}/keys")
        issuer = type(shape.issuer).entra(
            shape.tenant or "",
            audience=shape.access["aud"],
            jwks_url=shape.issuer.jwks_url,
            insecure_url=True,
            roles=roles,
        )
        async with trusting(issuer, roles={"writer": ["everything:else"]}) as kit:
            found.append(list((await kit.guard.identify_token(provider.sign(shape.access))).permissions))

    assert [["Chat.Read", "Chat.Write"], ["Chat.Read", "Chat.Write", ROOM]] == found


@in_loop
async def test_tokens_from_before_the_generation_are_refused(provider: Provider) -> None:
    """Whoever issued them: what had been revoked in the store before is not known any more."""
    shape = auth0(NOON - 1, f"{provider.url}/keys")
    async with trusting(shape.issuer) as kit:
        with pytest.raises(TokenRefused, match="before the store's generation"):
            await kit.guard.identify_token(provider.sign(shape.access))


@in_loop
async def test_own_tokens_are_judged_as_before(provider: Provider) -> None:
    """By our keys and rules; those of another issuer are no tokens to `verify_token`, which does not wait."""
    shape = auth0(NOON, f"{provider.url}/keys")
    async with trusting(shape.issuer) as kit:
        await (await kit.connect("/ws", permissions=[ROOM])).close()
        with pytest.raises(TokenRefused):
            kit.guard.verify_token(provider.sign(shape.access))


@in_loop
async def test_guard_without_the_keys_of_an_issuer(provider: Provider) -> None:
    """It starts, says why, and answers 503 to that issuer's tokens and to no others."""
    provider.behave("failing")
    shape = auth0(NOON, f"{provider.url}/keys")
    async with trusting(shape.issuer) as kit:
        token = provider.sign(shape.access)
        response = await kit.assert_handshake_refused(503, "/ws", token=token)
        await (await kit.connect("/ws")).close()
        with pytest.raises(NotReady, match="have never been fetched"):
            await kit.guard.identify_token(token)

    assert 30 <= int(response.headers["retry-after"]) < 60  # spread, as everywhere
