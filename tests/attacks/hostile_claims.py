"""Tokens that were really signed, over claims that no issuer of ours makes: J07 to J12, J19 to J21."""

import json
from typing import Any

from .forgery import (
    ABSENT,
    Forger,
    Made,
    forge,
    told,
)


class HostileClaims(Forger):
    """Lines J07, J09 to J12 and J19 to J21."""

    def make(self) -> Made:
        """Every one of them."""
        for make in (self.times, self.issuers, self.audiences, self.twins, self.names, self.rights, self.sizes):
            yield from make()

    def times(self) -> Made:
        """J07 and J09: times of other types, and times that do not fit each other or the clock."""
        end = f"{self.now + 600}"
        wrong = f'null "soon" "1_999" "{end}" true NaN Infinity -Infinity 1e400 [] {{}} -1 18e8 -0.0'.split()
        for text in [*wrong, f"{end}.5", f"{end}.0", f"{end}000", "1" + "0" * 4000]:
            for name in ("exp", "iat", "nbf"):
                line = "J07" if name == "exp" else "J09"
                yield line, f"{name} {text[:24]}", self.with_raw_claim(name, text)
        yield "J07", "exp missing", self.with_claim("exp", ABSENT)
        yield "J09", "iat missing", self.with_claim("iat", ABSENT)
        life, leeway = int(self.rules.max_lifetime), int(self.rules.leeway)
        for what, changed in {
            "expired this second": {"exp": self.now, "iat": self.now - 600},
            "expired a second ago": {"exp": self.now - 1, "iat": self.now - 600},
            "lives a second too long": {"exp": self.now + life + 1},
            "lives for ever": {"exp": 2**53 - 1},
            "in milliseconds": {"exp": (self.now + 600) * 1000, "iat": self.now * 1000},
            "exp in milliseconds": {"exp": (self.now + 600) * 1000},
        }.items():
            yield "J07", what, forge(self.key, self.header, self.claims | changed)
        for what, changed in {
            "nbf beyond the leeway": {"nbf": self.now + leeway + 2},
            "iat beyond the leeway": {"iat": self.now + leeway + 2},
            "iat after exp": {"iat": self.now + leeway, "exp": self.now + leeway - 1},
            "iat is exp": {"iat": self.now + leeway, "exp": self.now + leeway},
            "iat of 1970": {"iat": 0},
            "iat negative": {"iat": -1},
        }.items():
            yield "J09", what, forge(self.key, self.header, self.claims | changed)

    def issuers(self) -> Made:
        """J10: somebody else's tokens."""
        issuer = str(self.rules.issuer)
        wrong: list[object] = [None, "", "https://", issuer[:-1], issuer.upper(), [issuer], {}, 7, True, f" {issuer}"]
        wrong += [issuer + end for end in ("/", "\x00", "/tenant-b", ".evil.test", "#")]
        for value in [ABSENT, *wrong, issuer.replace("https", "http")]:
            yield "J10", f"iss {told(value)}", self.with_claim("iss", value)

    def audiences(self) -> Made:
        """J11: tokens for somebody else, or for whole crowds."""
        ours = str(self.rules.audience)
        wrong: list[Any] = [None, "", "*", ours[:1], ours + "2", ours.upper(), f" {ours}", f"{ours} {ours}", 7, True]
        wrong += [{}, {ours: 1}, [], [[ours]], ["a", "b"], [ours, 7], [ours, None], [ours, ["x"]]]
        wrong += [[ours] * 33, [ours] * 500, [ours, *map(str, range(999))]]
        for value in [ABSENT, *wrong]:
            yield "J11", f"aud {told(value)}", self.with_claim("aud", value)

    def twins(self) -> Made:
        """J12: a claim twice, of which two readers would take one each."""
        text = json.dumps(self.claims)[1:]
        twins = ['"sub":"admin"', '"\\u0073ub":"admin"', '"exp":9999999999', '"aud":"x"', '"permissions":["**"]']
        for twin in twins:
            yield "J12", f"a second {twin}", forge(self.key, self.header, f"{{{twin},{text}")
        yield "J12", "twice within", self.with_raw_claim("cnf", '{"jkt":"a","jkt":"b"}')
        kinds = {"list": "[]", "string": '"x"', "null": "null", "nothing": "", "two": "{}{}"}
        for what, claims in kinds.items():
            yield "J12", f"payload of a {what}", forge(self.key, self.header, claims)

    def names(self) -> Made:
        """J19 and J21: names that are none, are two, or are more than a name; and rights that are none."""
        wrong: list[Any] = [ABSENT, None, "", " ", "a b", "a\x00", "a\r\nFLUSHALL", "x" * 129, "x" * 5000, 7, True, {}]
        wrong += ["\uff41dmin", "admin\u200b", "caf\u00e9", "cafe\u0301", "\u202eu1", "u1\n", "\ttab", "\x7f", "\ud800"]
        for value in [*wrong, ["u1"]]:
            yield "J19", f"sub {told(value)}", self.with_claim("sub", value)
            yield "J21", f"jti {told(value)}", self.with_claim(self.rules.jti_claim or "jti", value)
            if value is not ABSENT:
                yield "J21", f"sid {told(value)}", self.with_claim("sid", value)
                yield "J19", f"tenant {told(value)}", self.with_claim("tenant", value)

    def rights(self) -> Made:
        """J19: rights that are none; the token is refused whole, not the right alone."""
        grants: list[Any] = ["chat:read", {"a": 1}, None, ["chat:read", 7], ["a::b"], ["a b"], [""], ["**:a"], ["a*"]]
        wrong: dict[str, list[Any]] = {
            "permissions": grants,
            "scope": [7, None, ["chat:read"], "chat:read\nadmin", "chat:\u00e9", ":"],
            "roles": ["editor", 7, None, {"editor": 1}, ["editor", None]],
            "cnf": ["key", 7, None, []],
        }
        for name, values in wrong.items():
            for value in values:
                yield "J19", f"{name} {told(value)}", self.with_claim(name, value)

    def sizes(self) -> Made:
        """J20: more than a token is, or deeper than any reader wants to go."""
        yield "J20", "10 KB of claims", self.with_claim("more", "x" * 10_000)
        yield "J20", "1 MB of claims", self.with_claim("more", "x" * 2**20)
        deep = "[" * 50_000 + "]" * 50_000
        yield "J20", "header 50,000 deep", forge(self.key, f'{{"alg":{deep}}}', self.claims)
        within = "[" * 2_000 + "]" * 2_000
        yield "J20", "header 2,000 deep", forge(self.key, f'{{"alg":{within}}}', self.claims)
        yield "J20", "payload 2,000 deep", self.with_raw_claim("more", within)
        yield "J20", "header of 400 names", self.with_header(**{f"h{n}": 0 for n in range(400)})
        yield "J20", "a million dots", "." * 1_000_000
