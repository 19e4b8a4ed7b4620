"""Tokens that nobody signed, or somebody else, or by an algorithm that is not the key's: J01 to J04."""

import json

from .forgery import (
    ABSENT,
    Forger,
    Made,
    b64,
    forge,
    forge_by_hmac,
    good_header,
    key_of,
    public_spellings,
    signature,
    without,
)

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _following(character: str) -> str:
    return BASE64URL[(BASE64URL.index(character) + 1) % 64]


class HostileSignatures(Forger):
    """Lines J01 to J04."""

    def make(self) -> Made:
        """Every one of them."""
        for make in (self.algorithms, self.signatures, self.confusions):
            yield from make()

    def algorithms(self) -> Made:
        """J01: nobody signed it. J04: it is signed by an algorithm that is not the key's."""
        body = self.good.split(".")[1]
        for alg in ("none", "None", "nOnE", "NONE", "", None, [], ["EdDSA"], {}, 0, True, ABSENT, "eddsa", "Ed25519"):
            header = {name: value for name, value in {**self.header, "alg": alg}.items() if value is not ABSENT}
            shown = "missing" if alg is ABSENT else json.dumps(alg)
            yield "J01", f"alg {shown}, signed", forge(self.key, header, self.claims)
            yield "J01", f"alg {shown}, empty signature", f"{b64(json.dumps(header))}.{body}."
            yield "J01", f"alg {shown}, no kid", forge(self.key, without(header, "kid"), self.claims)
        yield "J01", "right alg, empty signature", self.good.rpartition(".")[0] + "."
        yield "J01", "right alg, no signature", self.good.rpartition(".")[0]
        rsa = key_of(self.ring, "RS256")
        for alg in ("PS256", "RS384", "RS512", "PS512"):
            yield "J04", f"RSA key by {alg}", forge(rsa, good_header(rsa, self.rules) | {"alg": alg}, self.claims, alg)
        yield "J04", "says RS256, signed by PS256", forge(rsa, good_header(rsa, self.rules), self.claims, "PS256")
        for key in self.ring.keys:
            if key.alg != self.key.alg:
                header = self.header | {"alg": key.alg}
                yield "J04", f"by the {key.alg} key under the kid of another", forge(key, header, self.claims)
                yield "J04", f"alg {key.alg} beside the kid of another", self.with_header(alg=key.alg)

    def signatures(self) -> Made:
        """J02: the signature is not over this, not by this key, or not spelt as signatures are."""
        signed, _, mark = self.good.rpartition(".")
        yield "J02", "of another token", f"{signed}.{self.with_claim('sub', 'u2').rpartition('.')[2]}"
        raised = b64(json.dumps(self.claims | {"sub": "admin"}))
        yield "J02", "over other claims", f"{self.good.partition('.')[0]}.{raised}.{mark}"
        yield "J02", "by a stranger's key", forge(self.stranger, self.header, self.claims)
        yield "J02", "truncated", f"{signed}.{mark[:-4]}"
        yield "J02", "lengthened", f"{signed}.{mark}AAAA"
        for place in (0, len(mark) // 2, len(mark) - 2):
            changed = mark[:place] + _following(mark[place]) + mark[place + 1 :]
            yield "J02", f"character {place} changed", f"{signed}.{changed}"
        yield "J02", "last character not canonical", f"{signed}.{mark[:-1]}{_following(mark[-1])}"
        for what, spelt in {
            "padded": self.good + "==",
            "newline behind": self.good + "\n",
            "space before": " " + self.good,
            "space within": f"{signed}. {mark}",
            "a fourth part": self.good + ".x",
            "an empty fourth part": self.good + ".",
            "a dot before": "." + self.good,
            "a padded header": self.good.replace(".", "=.", 1),
            "standard base64": f"{signed}.+{mark[1:]}",
            "look-alike letters": f"{signed}.{mark}\uff21",
            "NUL behind": self.good + "\x00",
            "nothing": "",
            "dots": "..",
            "a lone surrogate": "\ud800",
        }.items():
            yield "J02", what, spelt
        yield from self.ecdsa_signatures()

    def ecdsa_signatures(self) -> Made:
        """J02: signatures of ECDSA that some libraries have let pass."""
        ecdsa = key_of(self.ring, "ES256")
        header = good_header(ecdsa, self.rules)
        signed = f"{b64(json.dumps(header))}.{b64(json.dumps(self.claims))}"
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        yield "J02", "ECDSA of zeros", f"{signed}.{b64(bytes(64))}"
        yield "J02", "ECDSA of the order", f"{signed}.{b64(order.to_bytes(32) * 2)}"
        yield "J02", "ECDSA in DER", f"{signed}.{b64(b'0' + bytes([6, 2, 1, 0, 2, 1, 0]))}"
        wide = bytes(16) + signature(ecdsa, signed)[:32] + bytes(16) + signature(ecdsa, signed)[32:]
        yield "J02", "ES384 with a P-256 key", f"{b64(json.dumps(header | {'alg': 'ES384'}))}.{b64('{}')}.{b64(wide)}"

    def confusions(self) -> Made:
        """J03: a public key taken for the secret of an HMAC."""
        for key in self.ring.keys:
            if key.alg != "HS256":
                header = good_header(key, self.rules) | {"alg": "HS256"}
                for spelling, secret in public_spellings(key).items():
                    what = f"HS256 by the {spelling} of the {key.alg} key"
                    yield "J03", what, forge_by_hmac(secret, header, self.claims)
        shared = key_of(self.ring, "HS256")
        for secret in (b"", shared.kid.encode(), bytes(32)):
            what = f"HS256 key guessed as {len(secret)} bytes"
            yield "J03", what, forge_by_hmac(secret, good_header(shared, self.rules), self.claims)
