"""Signed messages: whose key counts, what is a signature, and that each counts once."""

import base64
import json
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signing import ed25519, p256, signed
from tornado_wssec.client import MessageSigner, public_jwk
from tornado_wssec.client.signing import SigningKey
from tornado_wssec.errors import ConfigurationError, MessageReplayed, SignatureInvalid
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.key_material import generate
from tornado_wssec.policy.signatures import (
    SEQ_MOST,
    TYP,
    Opened,
    SignedMessages,
    ensure_signed_by,
    held_jwk,
    read_signing_key,
    signing_key_of,
)
from tornado_wssec.settings import KiB, Limits

NOW: Final = 1_767_225_600.0
WINDOW: Final = 30.0
NONCE: Final = "n0nce"
TEXT: Final = '{"type":"desk.order","data":{"note":"ü \\" \\u2028"}}'
KEYS: Final[Mapping[str, SigningKey]] = {"EdDSA": ed25519(), "ES256": p256()}
ED: Final = KEYS["EdDSA"]
CANARY: Final = "c4n4ry"

each_key = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())


def holder(key: SigningKey | None = ED, **changes: Any) -> Identity:
    """Whose token names this key."""
    claims = {"cnf": {"jwk": public_jwk(key)}} if key else {}
    return replace(Identity(subject="ann", claims=claims), **changes)


def payload(**changes: Any) -> dict[str, Any]:
    """What is signed, or something that is wrong with it."""
    return {"nonce": NONCE, "seq": 1, "ts": int(NOW), "message": TEXT, **changes}


def opened(jws: str, identity: Identity | None = None, now: float = NOW) -> Opened:
    """What a connection that has signed nothing yet makes of it."""
    return SignedMessages(NONCE, Limits()).accept(jws, identity or holder(), now, WINDOW)


def assert_invalid(jws: str, evidence: str, identity: Identity | None = None) -> None:
    """Claim that it is refused for this, and that nothing of it is told."""
    with pytest.raises(SignatureInvalid) as refusal:
        opened(jws, identity)

    assert evidence in refusal.value.evidence
    assert CANARY not in refusal.value.evidence


# --- what is accepted ---


@each_key
def test_signed_message_is_opened(key: SigningKey) -> None:
    """The very text that was signed, the thumbprint of the key, and the number."""
    signer = MessageSigner(key, NONCE, wall=lambda: NOW)

    found = opened(signer.sign(TEXT), holder(key))

    assert Opened(TEXT, signing_key_of(holder(key)).thumbprint, 1) == found


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_signed_text_is_what_was_signed(text: str) -> None:
    """To the character, whatever it is: no JSON is made anew of it."""

    assert text == opened(signed(ED, payload(message=text))).text


@pytest.mark.parametrize("seq", [0, 1, 7, SEQ_MOST])
def test_signed_seq_begins_anywhere(seq: int) -> None:
    """From 0 to the highest that a browser counts to."""

    assert seq == opened(signed(ED, payload(seq=seq))).seq


@pytest.mark.parametrize("away", [-30, -29.5, 0, 0.5, 30])
def test_signed_time_may_be_off(away: float) -> None:
    """By the window, either way; fractions of a second are as good."""

    assert TEXT == opened(signed(ED, payload(ts=NOW + away))).text


# --- by whose key ---


@each_key
def test_signature_by_another_key(key: SigningKey) -> None:
    """Of the same kind, or of the other."""
    for other in (ed25519(), p256()):
        with pytest.raises(SignatureInvalid):
            opened(signed(other, payload()), holder(key))


def test_signature_of_who_has_no_key() -> None:
    """A token without `cnf`, with one that is no JWK, or whose bearer the application says has none."""
    for identity in (
        holder(None),
        Identity(subject="ann", claims={"cnf": {"jkt": "x"}}),
        Identity(subject="ann", claims={"cnf": ["jwk"]}),
        holder(signing_key={}),
    ):
        assert held_jwk(identity) is None
        assert_invalid(signed(ED, payload()), "no key", identity)


def test_signing_key_of_the_application_wins() -> None:
    """What it says stands in the place of the token's."""
    other = ed25519()
    identity = holder(signing_key=public_jwk(other))

    assert TEXT == opened(signed(other, payload()), identity).text
    assert_invalid(signed(ED, payload()), "not by key", identity)


@pytest.mark.parametrize("alg", ["PS256", "HS256"])
def test_signing_key_of_another_kind(alg: str) -> None:
    """An RSA key or a shared secret is nobody's to sign messages with, though a good token names it."""
    material = generate(alg)
    jwk = {**material.private_jwk(), "alg": alg} if alg == "HS256" else {**material.public_jwk(), "alg": alg}
    identity = Identity(subject="ann", claims={"cnf": {"jwk": jwk}})

    assert_invalid(material.sign(json.dumps(payload()).encode(), {"typ": TYP}), "the key of its sender", identity)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"d": "AAAA"}, "private half"),
        ({"k": "AAAA"}, "private half"),
        ({"kty": "EC"}, "EC"),
        ({"crv": "X25519"}, "signs nothing here"),
        ({"x": "AAAA"}, "make no key"),
        ({"x": "AQ" + "A" * 41}, "small order"),
        ({"use": "enc"}, "not for signatures"),
        ({"alg": "ES256"}, "not for 'ES256'"),
    ],
)
def test_signing_key_that_cannot_be(change: dict[str, str], fault: str) -> None:
    """A private half, another curve or use, an algorithm that is not the key's, a point under which all can sign."""
    with pytest.raises(ConfigurationError, match=fault):
        read_signing_key({**public_jwk(ED), **change}, "here")


@pytest.mark.parametrize("jwk", [None, "jwk", [], {}, {"kty": []}])
def test_signing_key_that_is_no_jwk(jwk: Any) -> None:
    """Each is a configuration error, never another exception."""
    with pytest.raises(ConfigurationError):
        read_signing_key(jwk, "here")


def test_signing_key_is_prepared_once() -> None:
    """And anew when the identity holds another one."""
    messages, identity, other = SignedMessages(NONCE, Limits()), holder(), ed25519()
    messages.accept(signed(ED, payload()), identity, NOW, WINDOW)
    first = messages._key
    messages.accept(signed(ED, payload(seq=2)), replace(identity, session_id="s"), NOW, WINDOW)
    assert first is messages._key

    messages.accept(signed(other, payload(seq=3)), holder(other), NOW, WINDOW)
    with pytest.raises(SignatureInvalid):
        messages.accept(signed(ED, payload(seq=4)), holder(other), NOW, WINDOW)
    with pytest.raises(SignatureInvalid):
        messages.accept(signed(other, payload(seq=5)), holder(None), NOW, WINDOW)


def test_signed_messages_keep_little() -> None:
    """Less than 4 KiB for a connection that signs, its key included."""
    identity, limits, kept = holder(), Limits(), []
    tracemalloc.start()
    for _ in range(50):
        kept.append(SignedMessages(NONCE, limits))
        kept[-1].accept(GOOD[ED], identity, NOW, WINDOW)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 4 * KiB * len(kept)


def test_signature_by_a_key_that_was_replaced() -> None:
    """What was admitted under one key is not handled under another, or under none."""
    thumbprint = signing_key_of(holder()).thumbprint
    ensure_signed_by(thumbprint, holder())

    for identity in (holder(ed25519()), holder(None)):
        with pytest.raises(SignatureInvalid):
            ensure_signed_by(thumbprint, identity)


# --- what is no signature ---


@each_key
@given(data=st.data())
def test_signature_with_any_bit_flipped(key: SigningKey, data: st.DataObject) -> None:
    """Whatever byte it is in: of the header, the payload, the signature, or a dot between."""
    jws = bytearray(GOOD[key].encode())
    place = data.draw(st.integers(0, len(jws) - 1))
    jws[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises((SignatureInvalid, MessageReplayed)) as refusal:
        opened(jws.decode("latin-1"), holder(key))
    assert refusal.type is SignatureInvalid


@given(st.text(max_size=40))
def test_signature_of_random_text(text: str) -> None:
    """Anything at all ends as one refusal."""
    for jws in (text, f"{text}.{text}.{text}", GOOD[ED] + text if text else "", text + GOOD[ED] if text else ""):
        with pytest.raises(SignatureInvalid):
            opened(jws)


@each_key
def test_signature_has_one_spelling(key: SigningKey) -> None:
    """Padding, spaces, the other alphabet, leftover bits, more parts or fewer: refused."""
    header, body, mark = GOOD[key].split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for wrong in (
        f"{header}.{body}.{mark}=",
        f"{header}.{body}.{mark}==",
        f"{header}.{body}=.{mark}",
        f"{header}=.{body}.{mark}",
        f"{header}.{body}.{mark}\n",
        f" {header}.{body}.{mark}",
        f"{header}.{body}.{mark[:5]} {mark[5:]}",
        f"{header}.{body}.{mark[:-1]}{last[last.index(mark[-1]) + 1]}",
        f"{header}.{body}.{mark[:-1]}",
        f"{header}.{body}.{mark}A",
        f"{header}.{body}.",
        f"{header}.{body}",
        f"{header}..{mark}",
        f".{body}.{mark}",
        f"{header}.{body}.{mark}.{mark}",
        f"{header}.{body}.+{mark[1:]}",
        "..",
        "",
    ):
        with pytest.raises(SignatureInvalid):
            opened(wrong, holder(key))


def test_signature_of_a_key_of_zeros() -> None:
    """ECDSA over r and s of zero, and in DER, which JWS does not use."""
    header, body, _ = GOOD[KEYS["ES256"]].split(".")
    for mark in ("A" * 86, "MAYCAQACAQA"):
        assert_invalid(f"{header}.{body}.{mark}", "not by key", holder(KEYS["ES256"]))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": TYP.upper()},
        {"typ": f"application/{TYP}"},
        {"typ": TYP, "kid": "of somebody else"},
        {"typ": TYP, "jwk": public_jwk(ED)},
        {"typ": TYP, "crit": ["b64"]},
        {"typ": TYP, CANARY: 1},
    ],
)
def test_signature_under_another_header(header: dict[str, Any]) -> None:
    """The header holds `alg` and `typ`, and each says one thing; what was signed for something else is no message."""

    assert_invalid(signed(ED, payload(), **header), "the header is not that of EdDSA")


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES256", "Ed25519", "", None, 7, ["EdDSA"]])
def test_signature_cannot_choose_its_algorithm(alg: Any) -> None:
    """What the header says of it is compared with the key's, and that is all."""
    told = base64.urlsafe_b64encode(json.dumps({"alg": alg, "typ": TYP}).encode()).rstrip(b"=").decode()

    assert_invalid(f"{told}.{GOOD[ED].partition('.')[2]}", "the header is not that of EdDSA")


@pytest.mark.parametrize("text", ["[]", "7", '{"alg":"EdDSA","alg":"EdDSA"}', "{", "\udcff", '{"a":NaN}'])
def test_signature_under_a_header_that_is_no_object(text: str) -> None:
    """It is read as strictly as any JSON."""
    told = base64.urlsafe_b64encode(text.encode("latin-1", "surrogateescape")).rstrip(b"=").decode()

    assert_invalid(f"{told}.{GOOD[ED].partition('.')[2]}", "the header is no JSON object")


# --- what is no payload ---


@pytest.mark.parametrize(
    "text", ["[]", '"x"', "{", '{"nonce":"a","nonce":"b"}', '{"seq":9007199254740993}', '{"message":"\\ud800"}']
)
def test_signed_payload_that_is_no_object(text: str) -> None:
    """Though it is well signed: it is read as strictly as any message."""

    assert_invalid(signed(ED, text), "the payload is no JSON object")


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": None},
        {"nonce": 7},
        {"message": {}},
        {"message": None},
        {CANARY: 1},
        {"seq": "1"},
        {"seq": 1.0},
        {"seq": True},
        {"seq": None},
        {"seq": -1},
        {"seq": SEQ_MOST + 1},
        {"ts": "now"},
        {"ts": True},
        {"ts": None},
        {"ts": 1e300},
        {"ts": -SEQ_MOST - 1},
    ],
)
def test_signed_payload_of_another_shape(changes: dict[str, Any]) -> None:
    """Another type, a fraction, a number that is out of range, or one member more."""
    with pytest.raises(SignatureInvalid) as refusal:
        opened(signed(ED, payload(**changes)))

    assert CANARY not in refusal.value.evidence


def test_signed_seq_ends_where_browsers_stop_counting() -> None:
    """Whatever integers a message may hold otherwise; and so does the time."""
    wide = SignedMessages(NONCE, Limits(json_integer=10**4_000))
    for changes in ({"seq": SEQ_MOST + 1}, {"ts": 10**400}):
        with pytest.raises(SignatureInvalid):
            wide.accept(signed(ED, payload(**changes)), holder(), NOW, WINDOW)

    assert SEQ_MOST == wide.accept(signed(ED, payload(seq=SEQ_MOST)), holder(), NOW, WINDOW).seq


@pytest.mark.parametrize("name", ["nonce", "seq", "ts", "message"])
def test_signed_payload_without_a_member(name: str) -> None:
    """All four belong there."""
    short = payload()
    del short[name]

    with pytest.raises(SignatureInvalid):
        opened(signed(ED, short))


# --- once ---


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({"nonce": "other"}, "for another connection"),
        ({"nonce": ""}, "for another connection"),
        ({"nonce": "nöncé"}, "for another connection"),
        ({"ts": int(NOW) - 31}, "31 s before"),
        ({"ts": int(NOW) + 31}, "31 s after"),
        ({"ts": int(NOW) * 1_000}, "1000000000 s after"),
        ({"ts": -1e12}, "1000000000 s before"),
        ({"ts": SEQ_MOST}, "1000000000 s after"),
    ],
)
def test_signed_message_that_is_not_for_here_and_now(changes: dict[str, Any], evidence: str) -> None:
    """Another connection's nonce, another time; a time in milliseconds is another time."""
    with pytest.raises(MessageReplayed) as refusal:
        opened(signed(ED, payload(**changes)))

    assert evidence in refusal.value.evidence


def test_signed_messages_rise() -> None:
    """What has come is over; what is below it, too; gaps are fine."""
    messages = SignedMessages(NONCE, Limits())
    for seq in (3, 4, 90, 91, SEQ_MOST):
        assert seq == messages.accept(signed(ED, payload(seq=seq)), holder(), NOW, WINDOW).seq
        for old in (seq, seq - 1, 0):
            with pytest.raises(MessageReplayed, match="its seq is not above"):
                messages.accept(signed(ED, payload(seq=old)), holder(), NOW, WINDOW)


def test_signed_number_is_not_used_up_by_what_is_refused() -> None:
    """Nobody without the key can make a connection deaf by a high number."""
    messages = SignedMessages(NONCE, Limits())
    for jws in (
        signed(ed25519(), payload(seq=SEQ_MOST)),
        signed(ED, payload(seq=SEQ_MOST, ts=0)),
        signed(ED, payload(seq=SEQ_MOST, nonce="other")),
    ):
        with pytest.raises((SignatureInvalid, MessageReplayed)):
            messages.accept(jws, holder(), NOW, WINDOW)

    assert 1 == messages.accept(signed(ED, payload()), holder(), NOW, WINDOW).seq


GOOD: Final = {key: signed(key, payload()) for key in KEYS.values()}
