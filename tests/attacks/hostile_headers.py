"""Tokens whose header names, brings or is something else: J05, J06, J12 and J16."""

import json

from .forgery import (
    ABSENT,
    Forger,
    Made,
    b64,
    forge,
    good_header,
    told,
)


class HostileHeaders(Forger):
    """Lines J05, J06, J16, and J12 for headers."""

    def make(self) -> Made:
        """Every one of them."""
        for make in (self.kids, self.headers, self.types):
            yield from make()

    def kids(self) -> Made:
        """J05: a name that is none, is of nobody, or would be a path or a statement elsewhere."""
        kid = self.key.kid
        names: list[object] = [7, None, True, [], [kid], {}, "", "../../dev/null", "/dev/null", "' OR 1=1--", "|id"]
        names += ["\x00", "й", "\ud83d\ude00", kid + "\x00", kid.swapcase(), f" {kid}", "*", "%s", "k" * 4000]
        for name in names:
            yield "J05", f"kid {told(name)}", self.with_header(kid=name)
        yield "J05", "kid absent", self.with_header(kid=ABSENT)
        yield "J05", "kid of 1 MB", self.with_header(kid="k" * 2**20)
        yield "J05", "kid of a stranger", forge(self.stranger, good_header(self.stranger, self.rules), self.claims)

    def headers(self) -> Made:
        """J06: headers that bring a key along, or change what is signed. J12: names twice."""
        assert self.stranger.material is not None
        own = self.stranger.material.public_jwk()
        brought: dict[str, object] = {
            "jwk": own,
            "jku": "http://127.0.0.1:1/keys",
            "x5u": "http://127.0.0.1:1/cert",
            "x5c": ["AAAA"],
        }
        for name, value in brought.items():
            yield "J06", f"{name}, by a stranger's key", forge(self.stranger, self.header | {name: value}, self.claims)
            yield "J06", f"{name}, by the right key", self.with_header(**{name: value})
        rest: dict[str, object] = {
            "x5t": "x",
            "x5t#S256": "x",
            "crit": ["exp"],
            "zip": "DEF",
            "enc": "A256GCM",
            "b64": False,
            "b64 ": 1,
        }
        rest |= {
            "cty": "JWT",
            "enc": "A256GCM",
            "nonce": "x",
            "epk": {},
            "p2c": 10**9,
            "iss": self.rules.issuer,
            "": "",
            "Alg": "none",
        }
        for name, value in rest.items():
            yield "J06", f"header {name!r}", self.with_header(**{name: value})
        yield "J06", "crit that lists nothing", self.with_header(crit=[])
        text = json.dumps(self.header)
        for twin in ('"alg":"none"', '"\\u0061lg":"none"', f'"kid":"{self.key.kid}"', '"typ":"JWT"'):
            yield "J12", f"header with a second {twin}", forge(self.key, f"{{{twin},{text[1:]}", self.claims)
        kinds = {"list": "[]", "string": '"x"', "number": "1", "null": "null", "nothing": "", "BOM": "\ufeff" + text}
        for what, header in kinds.items():
            yield "J06", f"header of a {what}", forge(self.key, header, self.claims)
        yield "J06", "header in UTF-16", f"{b64(text.encode('utf-16'))}.{self.good.partition('.')[2]}"

    def types(self) -> Made:
        """J16: something else than an access token."""
        typs = ["JWT", "jwt", "id+jwt", "rt+jwt", "refresh+jwt", "logout+jwt", "wssec-msg+jwt", "at", "text/at+jwt"]
        typs += ["at+jwt ", "at+jwt; a=b", "application/application/at+jwt", "application/", "at+jw\u0167", ""]
        for typ in [*typs, None, 7, ["at+jwt"], {}, ABSENT]:
            yield "J16", f"typ {told(typ)}", self.with_header(typ=typ)
        yield "J16", "a ticket", b64(bytes(range(32)))
        yield "J16", "a ticket in three parts", ".".join([b64(bytes(range(32)))] * 3)
        yield "J16", "a ticket behind its prefix", "wssec.ticket." + b64(bytes(range(32)))
