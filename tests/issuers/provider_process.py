"""An identity provider in a process of its own: its keys, tokens of any shape, and key sets that misbehave.

Run as `python -m tests.issuers.provider_process PORT [CERTIFICATE KEY]`; its port stands on the first line it prints.

    GET  /keys, /other/keys   the key sets of two issuers, as `behaviour` has it
    GET  /.well-known/…       a discovery document, which nobody should ask for
    POST /sign                {"issuer", "kid", "header", "claims"} → a token
    POST /behave              {"behaviour", "keys"}: how the key set is answered, and which keys it holds
    POST /tell                → {"fetches", "others"}: what has been asked for since the last time
    POST /wait                answers once a key set has been asked for since then
"""

import base64
import gzip
import json
import ssl
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import get_algorithm_by_name

KINDS: Final = {"rsa": "RS256", "ec": "ES256", "weak": "RS256"}
ISSUERS: Final = ("", "/other")


def made(kind: str) -> Any:
    """A private key of this kind."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65_537, 1_024 if kind == "weak" else 2_048)


class State:
    """What the provider holds: a ring for each issuer, in which `rsa` of one and `rsa` of the other are two keys."""

    def __init__(self) -> None:
        self.private = {(issuer, kind): made(kind) for issuer in ISSUERS for kind in KINDS}
        self.behaviour = "good"
        self.keys = ["rsa", "ec"]
        self.fetches: list[str] = []
        self.others: list[str] = []
        self.asked = threading.Event()
        self.stopped = threading.Event()

    def jwk(self, issuer: str, kind: str) -> dict[str, Any]:
        """The public half, as such providers publish it."""
        members = get_algorithm_by_name(KINDS[kind]).to_jwk(self.private[issuer, kind].public_key(), as_dict=True)
        shown = {name: value for name, value in members.items() if name not in ("key_ops", "alg")}
        return {**shown, "kid": kind, "use": "sig", "alg": KINDS[kind]}

    def key_set(self, issuer: str) -> dict[str, Any]:
        """The key set without anything wrong."""
        return {"keys": [self.jwk(issuer, kind) for kind in self.keys]}

    def sign(self, issuer: str, kind: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A token, whatever it says."""
        parts = [json.dumps({"alg": KINDS[kind], **header}), json.dumps(claims)]
        signed = ".".join(b64(part.encode()) for part in parts)
        mark = get_algorithm_by_name(KINDS[kind]).sign(signed.encode(), self.private[issuer, kind])
        return f"{signed}.{b64(mark)}"


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Answers(BaseHTTPRequestHandler):
    """One request."""

    state: State

    def do_GET(self) -> None:
        """Answer for a key set, or take note that something else was asked for."""
        issuer, _, last = self.path.rpartition("/")
        if last != "keys" or issuer not in ISSUERS:
            self.state.others.append(self.path)
            self.say(200, b"{}")
            return
        self.state.fetches.append(self.path)
        self.state.asked.set()
        getattr(self, f"be_{self.state.behaviour}")(self.state.key_set(issuer))

    def do_POST(self) -> None:
        """Do what the tests ask for."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = self.state
        answer: Any = {}
        if self.path == "/sign":
            answer = state.sign(asked["issuer"], asked["kid"], asked["header"], asked["claims"])
        elif self.path == "/wait":
            state.asked.wait()
        elif self.path == "/behave":
            state.behaviour, state.keys = asked["behaviour"], asked["keys"]
        else:
            answer = {"fetches": state.fetches, "others": state.others}
            state.fetches, state.others = [], []
            state.asked.clear()
        self.say(200, json.dumps(answer).encode())

    # --- behaviours ---

    def be_good(self, found: dict[str, Any]) -> None:
        self.say(200, json.dumps(found).encode())

    def be_renewed(self, found: dict[str, Any]) -> None:
        """Other keys under the same names."""
        self.be_good(self.state.key_set("/other"))

    def be_huge(self, found: dict[str, Any]) -> None:
        self.say(200, json.dumps({**found, "filler": "x" * 10_000_000}).encode())

    def be_endless(self, found: dict[str, Any]) -> None:
        """Ten megabytes whose length is not told before."""
        self.send_response(200)
        self.end_headers()
        for _ in range(160):
            self.wfile.write(b" " * 65_536)

    def be_unpacking(self, found: dict[str, Any]) -> None:
        """Small on the wire, and huge for who unpacks it."""
        packed = gzip.compress(json.dumps({**found, "filler": "x" * 10_000_000}).encode(), compresslevel=1)
        self.say(200, packed, {"Content-Encoding": "gzip"})

    def be_redirecting(self, found: dict[str, Any]) -> None:
        self.say(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})

    def be_redirecting_here(self, found: dict[str, Any]) -> None:
        self.say(307, b"", {"Location": "/elsewhere"})

    def be_dripping(self, found: dict[str, Any]) -> None:
        """A byte now and then, for ever."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.state.stopped.wait(0.05):
            self.wfile.write(b" ")

    def be_silent(self, found: dict[str, Any]) -> None:
        self.state.stopped.wait()

    def be_failing(self, found: dict[str, Any]) -> None:
        self.say(500, json.dumps(found).encode())

    def be_html(self, found: dict[str, Any]) -> None:
        self.say(200, b"<html>Down for maintenance</html>", {"Content-Type": "text/html"})

    def be_torn(self, found: dict[str, Any]) -> None:
        self.say(200, json.dumps(found).encode()[:-2])

    def be_doubled(self, found: dict[str, Any]) -> None:
        self.say(200, b'{"keys": [], ' + json.dumps(found).encode()[1:])

    def be_deep(self, found: dict[str, Any]) -> None:
        self.say(200, b"[" * 50_000 + b"]" * 50_000)

    def be_empty(self, found: dict[str, Any]) -> None:
        self.say(200, b'{"keys": []}')

    def be_error_document(self, found: dict[str, Any]) -> None:
        self.say(200, b'{"error": "temporarily_unavailable"}')

    def be_ambiguous(self, found: dict[str, Any]) -> None:
        """One name for two keys."""
        first, second = (self.state.jwk("", kind) for kind in ("rsa", "ec"))
        self.say(200, json.dumps({"keys": [first, {**second, "kid": first["kid"]}]}).encode())

    def be_mixed(self, found: dict[str, Any]) -> None:
        """Among the good ones everything that is not to be used."""
        rsa_key, ec_key = self.state.jwk("", "rsa"), self.state.jwk("", "ec")
        secret = base64.urlsafe_b64encode(b"0123456789abcdefghijklmnopqrstuv").rstrip(b"=").decode()
        bad = [
            {"kty": "oct", "k": secret, "kid": "oct", "alg": "HS256", "use": "sig"},
            {"kty": "oct", "k": rsa_key["n"], "kid": "rsa-as-secret", "alg": "HS256"},
            {**rsa_key, "kid": "enc", "use": "enc", "alg": "RSA-OAEP"},
            {**rsa_key, "kid": "broken", "n": "!!!"},
            {**ec_key, "kid": "off-the-curve", "y": ec_key["x"]},
            {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "curve"},
            {**self.state.jwk("", "weak"), "kid": "weak"},
            {**rsa_key, "kid": "leaked", "d": "AQAB"},
            {**rsa_key, "kid": "somebody's", "issuer": "https://login.example/{tenantid}/v2.0"},
            {**rsa_key, "kid": 7},
            "no key at all",
            None,
        ]
        self.say(200, json.dumps({"keys": [*bad, *found["keys"]]}).encode())

    # --- wire ---

    def say(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer and hang up."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        """A client that hangs up is no fault."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


def serve(port: int, files: list[str]) -> None:
    """Serve until killed."""
    Answers.state = State()
    server = ThreadingHTTPServer(("127.0.0.1", port), Answers)
    server.daemon_threads = True
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
