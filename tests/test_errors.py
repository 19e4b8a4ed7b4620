"""The tree of errors: what each tells the peer, and what it keeps for the log."""

import pickle
import re
from collections.abc import Iterator

import pytest

from tornado_wssec import errors
from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.errors import (
    ConfigurationError,
    CredentialRefused,
    Disconnect,
    ErrorCode,
    FrameError,
    HandshakeRefused,
    PermissionDenied,
    Problem,
    RateLimited,
    TooManyAttempts,
    WssecError,
)


def family(root: type[WssecError]) -> Iterator[type[WssecError]]:
    """Every class below `root` that this module defines."""
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from family(child)


FRAME_ERRORS = [each for each in family(FrameError) if issubclass(each, FrameError)]
REFUSALS = [each for each in family(HandshakeRefused) if issubclass(each, HandshakeRefused)]


def drawn() -> dict[str, str]:
    """Class → parent, as the tree in the module's docstring draws them."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"((?:│   |├── |└── )*)(\w+)(?:  .*)?$", line):
            depth = len(match[1]) // 4
            if depth or match[2] == WssecError.__name__:
                path[depth:] = [match[2]]
                parents[match[2]] = path[depth - 1] if depth else Exception.__name__
    return parents


def test_errors_are_those_of_the_drawn_tree() -> None:
    """The docstring shows every class at its place, and no other."""

    tree: list[type[WssecError]] = [WssecError, *family(WssecError)]

    assert drawn() == {each.__name__: each.__base__.__name__ for each in tree if each.__base__}


def test_errors_have_each_code_once() -> None:
    """Every code of the contract is some error's, and no two share one."""

    assert sorted(ErrorCode) == sorted(each.code for each in FRAME_ERRORS)


def test_error_codes_are_those_of_the_contract() -> None:
    """Clients decide by these words: a change here breaks every one of them."""
    contract = (
        "malformed unknown_type invalid permission_denied rate_limited too_big signature_invalid replayed "
        "reauth_required already_authenticated unavailable timeout internal"
    )

    assert contract.split() == list(ErrorCode)


@pytest.mark.parametrize("error", FRAME_ERRORS)
def test_frame_error_tells_a_fixed_text(error: type[FrameError]) -> None:
    """What the peer reads is one sentence of the class, without anything of the peer's."""
    raised = error("evidence of <script>")

    assert error.detail == raised.detail
    assert re.fullmatch(r"[A-Z][A-Za-z ;-]+\.", raised.detail)


@pytest.mark.parametrize("error", FRAME_ERRORS)
def test_frame_error_keeps_its_evidence(error: type[FrameError]) -> None:
    """The log gets what happened; without evidence it gets the text."""
    raised = error("field x", fields={"x": ["Too long."]}, retry_after=1.5, message_id="a1")

    assert ("field x", "field x") == (raised.evidence, str(raised))
    assert ({"x": ["Too long."]}, 1.5, "a1") == (raised.fields, raised.retry_after, raised.message_id)
    assert error.detail == str(error())
    assert ("", None, None, None) == (error().evidence, error().fields, error().retry_after, error().message_id)


STATUSES = {
    "HandshakeMalformed": 400,
    "CredentialRefused": 401,
    "TokenRefused": 401,
    "TicketRefused": 401,
    "OriginRefused": 403,
    "CsrfRefused": 403,
    "PlaintextRefused": 403,
    "RouteDenied": 403,
    "MethodRefused": 405,
    "HostRefused": 421,
    "VersionRefused": 426,
    "TooManyAttempts": 429,
    "NotReady": 503,
}


def test_refusals_have_the_statuses_of_the_contract() -> None:
    """What a handshake is answered with is part of the contract."""

    assert STATUSES == {each.__name__: each.status for each in REFUSALS}


def test_refusals_of_a_credential_are_one() -> None:
    """Missing, expired, revoked or spent: the answer is the same, so that nobody learns which."""
    outward = {(each.status, each.text, each.stage) for each in REFUSALS if issubclass(each, CredentialRefused)}

    assert {(401, "Authentication required.", "credential")} == outward


def test_refusals_with_403_are_one() -> None:
    """Origin, CSRF value, plaintext and route answer alike; only the log knows the stage."""
    refused = [each for each in REFUSALS if each.status == 403]

    assert {"Forbidden."} == {each.text for each in refused}
    assert ["origin", "csrf", "tls", "route"] == [each.stage for each in refused]


@pytest.mark.parametrize("error", REFUSALS)
def test_refusal_keeps_what_the_log_needs(error: type[HandshakeRefused]) -> None:
    """Evidence and remedy are for the operator; the text alone is for the peer."""
    headers = {"X-A": "b"}
    raised = error("evidence", remedy="mend it", retry_after=3.0, headers=headers)
    headers.clear()

    assert ("evidence", "evidence", "mend it") == (raised.evidence, str(raised), raised.remedy)
    assert (3.0, {"X-A": "b"}) == (raised.retry_after, raised.headers)
    assert (error.text, "", {}) == (str(error()), error().remedy, error().headers)
    assert error.retry_seconds == error().retry_after


def test_disconnect_tells_the_code() -> None:
    """The log reads the code and what happened, or what the peer was told."""
    close = Close(CloseCode.REVOKED)

    assert "4403 kicked by an operator" == str(Disconnect(close, "kicked by an operator"))
    assert "4403 access revoked" == str(Disconnect(close))
    assert (close, "kicked") == (Disconnect(close, "kicked").close, Disconnect(close, "kicked").evidence)


def test_configuration_error_lists_all() -> None:
    """Every problem stands on a line of its own: where, what, and the remedy."""
    problems = [
        Problem("Send.room", "is optional", "mark it required=True"),
        Problem("WSSEC_STORE", "is not set", "set it"),
    ]
    error = ConfigurationError(iter(problems))

    assert tuple(problems) == error.problems
    assert [
        "2 problems:",
        "  - Send.room: is optional; mark it required=True",
        "  - WSSEC_STORE: is not set; set it",
    ] == str(error).splitlines()
    assert "1 problem:" == str(ConfigurationError(problems[:1])).splitlines()[0]


@pytest.mark.parametrize("error", [RateLimited("evidence"), TooManyAttempts("evidence"), PermissionDenied()])
def test_errors_can_be_caught_by_their_root(error: WssecError) -> None:
    """Whoever calls this package can catch all that it raises on purpose."""
    with pytest.raises(WssecError) as caught:
        raise error

    assert error is caught.value
    assert type(error) is type(pickle.loads(pickle.dumps(error)))  # noqa: S301  # our own bytes
