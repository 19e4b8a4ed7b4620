"""Line R023 over sockets: an API key opens what it was made for, where it may be shown, until it is revoked."""

import asyncio
import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.kits import CHAT, GENEROUS, V1, ChatSocket, audited, in_loop, uniform
from tests.stores.kit import PATIENT
from tornado_wssec import (
    ApiKey,
    Assertion,
    BearerToken,
    NotAcknowledged,
    StoreUnavailable,
    Ticket,
    TokenRules,
)
from tornado_wssec.policy.api_keys import ApiKeyText, NewApiKey
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.revocations import Body, LogEntry
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.testing import Client, GuardKit, Response
from tornado_wssec.testing.kit import ORIGIN

KEY = "X-Api-Key"
DAY = 86_400.0


class Native(ChatSocket):
    """The chat for programs."""

    allow_missing_origin = True


class Watched(MemoryStore):
    """A store that counts look-ups, and can be told to fail."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.looked_up = 0
        self.failing: dict[str, Exception] = {}

    async def find_record(self, kind: RecordKind, name: str, now: float) -> str | None:
        self.looked_up += 1
        self._fail("find")
        return await super().find_record(kind, name, now)

    async def drop_record(self, kind: RecordKind, name: str) -> bool:
        self._fail("drop")
        return await super().drop_record(kind, name)

    async def append(self, body: Body) -> LogEntry:
        self._fail("append")
        return await super().append(body)

    def _fail(self, what: str) -> None:
        if what in self.failing:
            raise self.failing[what]


def kit_of(**options: Any) -> GuardKit:
    """A chat for programs, whose store is watched."""
    kit: GuardKit = GuardKit(
        [("/ws", Native), ("/other", Native)],
        **{
            "registry": CHAT,
            "limits": GENEROUS,
            "authenticators": [ApiKey(), BearerToken(query=True), Ticket()],
            "store": Watched(wall=lambda: kit.clock.wall),
            **options,
        },
    )
    return kit


def store_of(kit: GuardKit) -> Watched:
    """The store of such a kit."""
    store = kit.guard.watcher.store
    assert isinstance(store, Watched)
    return store


async def shown(kit: GuardKit, *keys: str, header: str = KEY, path: str = "/ws", **options: Any) -> Response:
    """The answer to a handshake with these keys."""
    extra = [(header, key) for key in keys]
    _, response = await kit.handshake(path, extra=extra, **{"origin": None, **options})
    return response


async def let_in(kit: GuardKit, made: NewApiKey) -> Client:
    """A client with this key."""
    socket, response = await kit.handshake("/ws", origin=None, extra=[(KEY, made.key)])
    assert response.status == 101
    return Client(socket, None)


def only_identity(kit: GuardKit) -> Identity:
    """Whom the server takes its only client for."""
    (live,) = kit.guard.hub
    return live.session.identity


async def ticket_with(kit: GuardKit, key: str, path: str = "/ws") -> Response:
    """Exchange a key for a ticket, as a back end does for its page."""
    body = json.dumps({"path": path})
    headers = [("Host", kit.host), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    lines = [f"{name}: {value}" for name, value in [*headers, (KEY, key)]]
    socket = await kit.raw()
    await socket.write("\r\n".join(["POST /wssec/ticket HTTP/1.1", *lines, "", body]).encode("latin-1"))
    return await socket.response()


# --- what it is good for ---


@pytest.mark.requirement("R023")
@in_loop
async def test_r023_key_opens_what_it_was_made_for() -> None:
    """As its subject, with its rights, under its id, in our own name."""
    async with kit_of(roles={"bot": ["feed:read"]}) as kit:
        made = await kit.guard.create_api_key("robot", ["chat:write:lobby"], roles=["bot"], tenant="acme")
        client = await let_in(kit, made)
        who = only_identity(kit)
        await client.request("chat.send", {"room": "lobby", "text": "hello"})
        await client.assert_refused("permission_denied", "chat.send", {"room": "board", "text": "hello"})

        assert ("robot", "acme", made.id, kit.guard.rules.issuer) == (
            who.subject,
            who.tenant,
            who.token_id,
            who.issuer,
        )
        assert ["chat:write:lobby", "feed:read"] == sorted(who.permissions)
        assert (kit.clock.wall, kit.clock.wall + 90 * DAY) == (who.issued_at, who.expires_at)


@in_loop
async def test_r023_key_ends_on_the_dot_and_closes_its_connection() -> None:
    """With 4001 and no traffic; the key opens nothing from that moment on."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot", ttl=600)
        client = await let_in(kit, made)
        await kit.advance(599)
        before = await shown(kit, made.key)
        await kit.advance(1)
        at_its_end = await shown(kit, made.key)
        await kit.advance(kit.guard.timeouts.token_grace)
        await client.assert_closed(4001)

    assert [101, 401] == [before.status, at_its_end.status]


@in_loop
async def test_r023_key_without_expiry_is_said_to_have_none() -> None:
    """After years it is as good; a ttl beside it is a contradiction."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot", no_expiry=True)
        await kit.advance(3_650 * DAY)

        assert (101, None) == ((await shown(kit, made.key)).status, made.expires_at)
        with pytest.raises(ValueError, match="give one of the two"):
            await kit.guard.create_api_key("robot", no_expiry=True, ttl=60)


@in_loop
async def test_s1_ticket_from_an_existing_api_key() -> None:
    """A back end exchanges the key; the page connects with the ticket and never sees the key."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot", ["chat:write:lobby"])
        answer = await ticket_with(kit, made.key)
        ticket = json.loads(answer.body)["ticket"]
        offered = [*V1, f"wssec.ticket.{ticket}"]
        page = await shown(kit, origin=ORIGIN, subprotocols=offered)
        who = only_identity(kit)
        again = await shown(kit, origin=ORIGIN, subprotocols=offered)
        refused = await ticket_with(kit, ApiKeyText.new().text)

    assert [200, 101, 401, 401] == [reply.status for reply in (answer, page, again, refused)]
    assert ("robot", made.id) == (who.subject, who.token_id)
    assert made.key.encode() not in answer.body


@in_loop
async def test_r023_ticket_of_a_revoked_key_opens_nothing() -> None:
    """Though it was bought while the key was good."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")
        ticket = json.loads((await ticket_with(kit, made.key)).body)["ticket"]
        await kit.guard.revoke_api_key(made.id)

        assert 401 == (await shown(kit, subprotocols=[*V1, f"wssec.ticket.{ticket}"])).status


@in_loop
async def test_r023_key_does_not_take_the_id_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should chance ever give one out twice, the first key stays what it was."""
    same = ApiKeyText.new()
    monkeypatch.setattr(ApiKeyText, "new", lambda: same)
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")
        with pytest.raises(ValueError, match=f"there is an API key {same.id} already"):
            await kit.guard.create_api_key("root")
        await shown(kit, made.key)

        assert "robot" == only_identity(kit).subject


# --- where it may be shown, and in what shape ---


@in_loop
async def test_r023_key_in_the_wrong_place() -> None:
    """A URL, a subprotocol and a bearer token are no places for it, and no store is asked."""
    async with kit_of() as kit:
        key = (await kit.guard.create_api_key("robot")).key
        places: list[dict[str, Any]] = [
            {"path": f"/ws?token={key}"},
            {"path": f"/ws?api_key={key}&x-api-key={key}"},
            {"path": f"/ws?ticket={key}"},
            {"subprotocols": [*V1, f"wssec.bearer.{key}"]},
            {"subprotocols": [*V1, f"wssec.ticket.{key}"]},
            {"subprotocols": [*V1, key]},
            {"token": key},
            {"header": "Cookie"},
            {"header": "X-Apikey"},
        ]
        answers = [await shown(kit, *([key] if "header" in place else []), **place) for place in places]

        assert [401] * len(places) == [answer.status for answer in answers]
        assert 0 == store_of(kit).looked_up


@in_loop
async def test_r023_misshaped_keys_cost_no_look_up() -> None:
    """Nobody makes the store work with what cannot be a key."""
    good = ApiKeyText.new().text
    hostile = ["", "x", good[:-1], good + "A", good.upper(), good + ",", f"{good}, {good}", "wssec_ak" * 900]
    hostile += ["'; DROP TABLE credential_record;--", "*" * 90, "%00", "wssec_ak0000000000000000_" + "\xe9" * 43]
    async with kit_of() as kit:
        answers = [await shown(kit, key) for key in hostile]

        assert [401] * len(hostile) == [answer.status for answer in answers]
        assert 0 == store_of(kit).looked_up


@in_loop
async def test_r023_two_keys() -> None:
    """Also twice the same one: two readers could take different ones."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")

        assert 400 == (await shown(kit, made.key, made.key)).status
        assert 401 == (await shown(kit, made.key, token=kit.token())).status
        assert 0 == store_of(kit).looked_up


@in_loop
async def test_r023_refusals_are_alike(caplog: pytest.LogCaptureFixture) -> None:
    """An unknown id, a wrong secret, an expired and a revoked key, and none at all get one answer and no echo."""
    async with kit_of() as kit:
        good, expired, revoked = [await kit.guard.create_api_key("robot", ttl=60 + 60 * n) for n in (2, 0, 1)]
        await kit.advance(60)
        await kit.guard.revoke_api_key(revoked.id)
        wrong = ApiKeyText.new()._replace(id=good.id).text
        keys = [ApiKeyText.new().text, wrong, expired.key, revoked.key, "nonsense"]
        answers = [*[await shown(kit, key) for key in keys], await shown(kit)]

    assert ([401] * 6, 1) == ([answer.status for answer in answers], len({uniform(answer) for answer in answers}))
    assert not [key for key in keys[:4] if key[-43:] in caplog.text]


@pytest.mark.requirement("R023")
@in_loop
async def test_r023_secret_is_compared_whole() -> None:
    """Each changed character of it makes another key."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")
        key = ApiKeyText.parse(made.key)
        changed = [
            key._replace(secret=key.secret[:at] + ("A" if key.secret[at] != "A" else "B") + key.secret[at + 1 :])
            for at in range(len(key.secret))
        ]

        assert {401} == {(await shown(kit, other.text)).status for other in changed}
        assert 101 == (await shown(kit, made.key)).status


@in_loop
async def test_r06_guessed_keys_use_up_the_budget() -> None:
    """As any other credential that is refused; then nobody asks the store for this address."""
    async with kit_of(limits=replace(GENEROUS, failed_credentials=3)) as kit:
        statuses = [(await shown(kit, ApiKeyText.new().text)).status for _ in range(5)]

        assert ([401, 401, 401, 429, 429], 3) == (statuses, store_of(kit).looked_up)


@in_loop
async def test_k11_key_that_cannot_be_looked_up() -> None:
    """503 and no word on whether the key is good; the budget of failures is not charged."""
    async with kit_of(limits=replace(GENEROUS, failed_credentials=2)) as kit:
        made = await kit.guard.create_api_key("robot")
        store_of(kit).failing["find"] = StoreUnavailable("the disk is gone")
        answers = [await shown(kit, key) for key in (made.key, ApiKeyText.new().text, made.key)]
        store_of(kit).failing.clear()

        assert [503] * 3 == [answer.status for answer in answers]
        assert 1 == len({answer.body for answer in answers})
        assert 101 == (await shown(kit, made.key)).status


@pytest.mark.parametrize("payload", ["{}", "nonsense", "[]", '{"id":"x"}', "\x00"])
@in_loop
async def test_k14_record_planted_by_another(payload: str) -> None:
    """It lets nobody in, and breaks nothing."""
    async with kit_of() as kit:
        key = ApiKeyText.new()
        await store_of(kit).put_record(RecordKind.API_KEY, key.id, payload, expires_at=None, now=0.0)

        assert 401 == (await shown(kit, key.text)).status
        await kit.guard.revoke(subject="robot")


@pytest.mark.standard("ASVS 5.0 9.2.4")
@in_loop
async def test_j10_key_of_another_service_in_one_store() -> None:
    """Two services may share a store, for their revocations; a key is good for the one that it was made for."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")
        for rules in (TokenRules(audience="admin"), TokenRules(issuer="https://other.example")):
            async with kit_of(store=store_of(kit).sibling(), token_rules=rules) as other:
                assert 401 == (await shown(other, made.key)).status

        assert 101 == (await shown(kit, made.key)).status


def content_of(folder: Path) -> bytes:
    """All that stands in the files there."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


@in_loop
async def test_r026_store_holds_no_key(tmp_path: Path) -> None:
    """Whoever reads the files, or what was written and deleted in them, finds no key."""
    store = SqliteStore(tmp_path / "wssec.db", timeouts=PATIENT)
    await store.migrate(0.0)
    async with kit_of(store=store) as kit:
        made = [await kit.guard.create_api_key("robot") for _ in range(3)]
        await shown(kit, made[0].key)
        await kit.guard.revoke_api_key(made[1].id)
    kept = content_of(tmp_path)
    secrets = [ApiKeyText.parse(one.key).secret.encode() for one in made]
    assert not [secret for secret in secrets if secret in kept]
    assert hashlib.sha256(secrets[0]).hexdigest().encode() in kept


@in_loop
async def test_l03_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Good, wrong, misplaced or malformed: no line shows it."""
    caplog.set_level(logging.DEBUG)
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot", note="secret? no")
        secret = ApiKeyText.parse(made.key).secret
        await shown(kit, made.key)
        await shown(kit, made.key + "A")
        await shown(kit, made.key, made.key)
        await shown(kit, path=f"/ws?token={made.key}")
        await shown(kit, path=f"/ws?api_key={made.key}")
        await ticket_with(kit, made.key[:-1])
        with pytest.raises(ValueError, match="a whole API key") as refused:
            await kit.guard.revoke(token=made.key)

    assert secret[:-1] not in caplog.text + str(refused.value) + repr(made)


# --- revoked for good ---


@pytest.mark.requirement("R023")
@pytest.mark.parametrize(
    "named",
    [
        lambda made: {"token": made.id},
        lambda made: {"subject": "robot"},
        lambda made: {"tenant": "acme"},
        lambda made: {"token": made.id, "issuer": "https://issuer.example.com"},
        lambda made: {"subject": "robot", "margin": 30.0},
    ],
)
@in_loop
async def test_r023_revoked_key_is_never_good_again(named: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Not when the revocation has been pruned, as it is once every token has ended, and not after an undo."""
    caplog.set_level(logging.INFO, "tornado_wssec.audit")
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot", tenant="acme", no_expiry=True)
        client = await let_in(kit, made)
        revocation = await kit.guard.revoke(**named(made))
        at_once = await shown(kit, made.key)
        await kit.advance(30)
        await client.assert_closed(4403)
        await kit.advance(30 * DAY)
        await store_of(kit).prune(kit.clock.wall, 100)
        later = await shown(kit, made.key)
        left = await store_of(kit).read_after(None, 10)

    assert ([401, 401], []) == ([at_once.status, later.status], list(left))
    assert [(made.id, revocation.id)] == [
        (line["key"], line["revocation"]) for line in audited(caplog.records, "api_key.dropped")
    ]


@in_loop
async def test_r023_key_of_somebody_else_goes_on() -> None:
    """Another subject's, one made after the cut-off, and all of them where another issuer is named."""
    async with kit_of() as kit:
        old, other = [await kit.guard.create_api_key(subject) for subject in ("robot", "bob")]
        await kit.advance(10)
        new = await kit.guard.create_api_key("robot")
        await kit.guard.revoke(subject="robot", issuer="https://other.example")
        none_dropped = [(await shown(kit, made.key)).status for made in (old, new, other)]
        await kit.guard.revoke(subject="robot", before=kit.clock.wall - 5)
        some_dropped = [(await shown(kit, made.key)).status for made in (old, new, other)]

    assert ([101] * 3, [401, 101, 101]) == (none_dropped, some_dropped)


@in_loop
async def test_k18_key_made_by_a_clock_that_is_ahead() -> None:
    """It is revoked with the others, though its making lies behind the cut-off."""
    async with kit_of() as kit:
        kit.clock.step_wall(600)
        made = await kit.guard.create_api_key("robot")
        kit.clock.step_wall(-600)
        await kit.guard.revoke(subject="robot")
        await kit.advance(30 * DAY)

        assert 401 == (await shown(kit, made.key)).status


@in_loop
async def test_r023_key_made_while_its_subject_is_revoked() -> None:
    """It would come to life when the revocation is forgotten: it is refused, and a second later it is not."""
    async with kit_of() as kit:
        await kit.guard.revoke(subject="robot")
        with pytest.raises(ValueError, match=r"the key would be refused at once .* wait a second"):
            await kit.guard.create_api_key("robot")
        await kit.advance(1)
        made = await kit.guard.create_api_key("robot")

        assert 101 == (await shown(kit, made.key)).status


@in_loop
async def test_r023_key_made_between_the_steps_of_a_revocation() -> None:
    """What another node put there meanwhile is dropped, too."""
    async with kit_of() as kit:
        late: list[NewApiKey] = []
        appended = store_of(kit).append

        async def append(body: Body) -> LogEntry:
            late.append(await kit.guard.create_api_key("robot"))
            return await appended(body)

        store_of(kit).append = append  # type: ignore[method-assign]  # what happens on another node at that moment
        await kit.guard.revoke(subject="robot")
        listed = await store_of(kit).list_records(RecordKind.API_KEY, kit.clock.wall, after="", most=10)

    assert (1, []) == (len(late), list(listed))


@in_loop
async def test_r023_revocation_that_ends_in_between_is_on_the_safe_side() -> None:
    """The key is gone, and nobody was told that it is done; done again, its connection closes."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")
        client = await let_in(kit, made)
        store_of(kit).failing["append"] = StoreUnavailable("the disk is gone")
        with pytest.raises(StoreUnavailable):
            await kit.guard.revoke_api_key(made.id)
        store_of(kit).failing.clear()
        between = await shown(kit, made.key)
        await kit.guard.revoke_api_key(made.id)
        await client.assert_closed(4403)

    assert 401 == between.status


@pytest.mark.parametrize("error", [StoreUnavailable("locked"), NotAcknowledged("the disk did not answer")])
@in_loop
async def test_r023_revocation_goes_on_where_records_fail(error: Exception) -> None:
    """Sockets close and tokens are refused at once; the caller hears that keys may be left, and does it again."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")
        client = await let_in(kit, made)
        store_of(kit).failing["drop"] = error
        with pytest.raises(type(error)):
            await kit.guard.revoke(subject="robot")
        await client.assert_closed(4403)

        assert 401 == (await shown(kit, made.key)).status
        store_of(kit).failing.clear()
        await kit.guard.revoke(subject="robot")
        assert [] == list(await store_of(kit).list_records(RecordKind.API_KEY, kit.clock.wall, after="", most=10))


@in_loop
async def test_r023_drop_that_a_crash_may_take_back_is_told() -> None:
    """It looks done, to the second look too; whoever revoked must hear that it may not be."""
    async with kit_of() as kit:
        made = await kit.guard.create_api_key("robot")
        dropping = store_of(kit).drop_record

        async def drop_record(kind: RecordKind, name: str) -> bool:
            await dropping(kind, name)
            raise NotAcknowledged("the disk did not answer")

        store_of(kit).drop_record = drop_record  # type: ignore[method-assign]  # a disk that is too slow to tell
        with pytest.raises(NotAcknowledged):
            await kit.guard.revoke_api_key(made.id)

        assert 401 == (await shown(kit, made.key)).status


@pytest.mark.parametrize("id", ["robot", "", "ak", "*", "ak%", "wssec_ak0123456789abcdef_x", "'; DROP TABLE x;--"])
@in_loop
async def test_k09_revoke_api_key_takes_ids_alone(id: str) -> None:
    """A subject, a pattern or a whole key is no id."""
    async with kit_of() as kit:
        with pytest.raises(ValueError, match="no id of an API key"):
            await kit.guard.revoke_api_key(id)


# --- keys of the application's own ---

THEIRS = "sk-live-0123456789abcdef"


@in_loop
async def test_r023_existing_keys_are_looked_up_by_their_hash() -> None:
    """The application keeps SHA-256 digests; what it says of a key is checked as any identity is."""
    digest = hashlib.sha256(THEIRS.encode()).hexdigest()
    good = Assertion(subject="customer", tenant="acme", permissions=["chat:*:acme"], token_id="cust-7", issued_at=1.0)
    answers: dict[str, Assertion | None] = {digest: good}

    async def lookup(asked: str) -> Assertion | None:
        return answers.get(asked)

    async with kit_of(authenticators=[ApiKey(lookup=lookup), BearerToken()]) as kit:
        client_status = (await shown(kit, THEIRS)).status
        who = only_identity(kit)
        unknown = (await shown(kit, THEIRS + "0")).status
        answers[digest] = replace(good, subject="two words")
        nobody = (await shown(kit, THEIRS)).status
        answers[digest] = replace(good, expires_at=kit.clock.wall)
        ended = (await shown(kit, THEIRS)).status
        answers[digest] = good
        await kit.guard.revoke(token="cust-7")
        revoked = (await shown(kit, THEIRS)).status

    assert ("customer", "acme", "cust-7") == (who.subject, who.tenant, who.token_id)
    assert [101, 401, 401, 401, 401] == [client_status, unknown, nobody, ended, revoked]


@in_loop
async def test_j26_lookup_that_fails_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it raises, once in the log and without the key; one that hangs is cut off with 503."""

    async def broken(digest: str) -> Assertion | None:
        raise KeyError(digest)

    async def hanging(digest: str) -> Assertion | None:
        await asyncio.Event().wait()
        return None

    async with kit_of(authenticators=[ApiKey(lookup=broken)]) as kit:
        failed = await shown(kit, THEIRS)
    timeouts = replace(kit.guard.timeouts, handshake=0.05)
    async with kit_of(authenticators=[ApiKey(lookup=hanging)], timeouts=timeouts) as kit:
        hung = await shown(kit, THEIRS)

    assert [401, 503] == [failed.status, hung.status]
    assert "KeyError at" in caplog.text
    assert hashlib.sha256(THEIRS.encode()).hexdigest() not in caplog.text
