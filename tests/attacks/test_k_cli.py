"""Lines K02–K10 and K22 of the attack corpus, as they reach whoever types `wssec`."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import ROOT_WARNING, Outcome, Terminal
from tests.cli.conftest import _no_settings as _no_settings
from tests.cli.conftest import bare as bare
from tests.cli.conftest import place as place
from tests.cli.conftest import wssec as wssec
from tests.cli.prepared import PYTHONPATH
from tornado_wssec.cli import main, publication
from tornado_wssec.policy.key_material import PRIVATE_MEMBERS
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.keyfile import KeyFile

SECRET: Final = "hunter2-hunter2-hunter2"
WSSEC: Final = [sys.executable, "-P", "-m", "tornado_wssec"]


def process_environment(wssec: Terminal) -> dict[str, str]:
    """That of a program of its own."""
    return {**os.environ, **wssec.environment, "PYTHONPATH": PYTHONPATH}


def run(wssec: Terminal, *program: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program with the settings of the deployment."""
    options = {"env": process_environment(wssec), **options}
    return subprocess.run(program, capture_output=True, text=True, timeout=120, check=False, **options)


def said(ran: subprocess.CompletedProcess[str]) -> list[str]:
    """Its standard error, the warning for root aside."""
    return [line for line in ran.stderr.splitlines() if not line.startswith(ROOT_WARNING)]


def states(wssec: Terminal) -> list[str]:
    """The states of the keys, in their order."""
    return [key["state"] for key in wssec.json("keys", "list")]


# --- K02, K03 ---


@pytest.mark.parametrize("command", ["keys list", "keys rotate", "token issue --subject u42", "keys export"])
def test_k02_key_file_open_to_others(wssec: Terminal, place: Path, command: str) -> None:
    """Every command that would use it refuses it in one line, with the command that mends it."""
    (place / "keys.json").chmod(0o640)

    outcome = wssec(*command.split())

    assert (1, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert "chmod 600" in outcome.err


def test_k02_key_file_behind_a_link(wssec: Terminal, place: Path) -> None:
    """A link may lead somewhere else tomorrow."""
    (place / "link.json").symlink_to(place / "keys.json")

    outcome = wssec("keys", "list", "--keys", str(place / "link.json"))

    assert (1, 1) == (outcome.code, outcome.err.count("\n"))


def test_k02_init_in_a_directory_open_to_others(tmp_path: Path, bare: Terminal) -> None:
    """Whoever can replace files there chooses our keys: nothing is made in it."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)

    outcome = bare("init", str(tmp_path / "shared"))

    assert (1, 1, []) == (outcome.code, outcome.err.count("\n"), os.listdir(tmp_path / "shared"))
    assert "chmod" in outcome.err


@pytest.mark.parametrize("command", ["init made", "keys generate --keys keys.json --store sqlite:///wssec.db"])
def test_k03_files_are_private_whatever_the_umask(tmp_path: Path, bare: Terminal, command: str) -> None:
    """K22 too: with umask 000 nobody else can read or write anything that is made."""
    tmp_path.chmod(0o755)
    made = run(bare, *WSSEC, *command.split(), cwd=tmp_path, umask=0)
    paths = list(tmp_path.rglob("*"))

    assert (0, True) == (made.returncode, len(paths) >= 2)
    assert [] == [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]


# --- K04, K05, K06 ---


KILLED_AT: Final = """
import os, signal, sys
from tornado_wssec.cli import main

left = int(sys.argv[1])

def count(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove", "os.listdir", "sqlite3.connect", "sqlite3.connect/handle"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
main(sys.argv[2:])
"""


def test_k04_kill_at_every_file_it_touches(wssec: Terminal) -> None:
    """The set of keys is the old or the new one, the store is ours, and the next command makes up for the rest."""
    kids = {key["kid"] for key in wssec.json("keys", "list")}
    outcomes: list[str] = []
    step = 0
    while not outcomes or outcomes[-1] != "done":
        killed = run(wssec, sys.executable, "-P", "-c", KILLED_AT, str(step), "keys", "rotate").returncode
        found = wssec.json("keys", "list")
        assert 1 == [key["state"] for key in found].count("current")
        assert kids <= {key["kid"] for key in found}
        outcomes.append("done" if killed == 0 else "old" if len(found) == len(kids) else "new")
        kids = {key["kid"] for key in found}
        wssec.done("store", "migrate")
        assert 0 == wssec("store", "doctor").code
        step += 1

    assert {"old", "new", "done"} == set(outcomes)


def test_k05_two_rotate_at_once(wssec: Terminal) -> None:
    """Exactly one key is current, none is lost, and what is published is what the file holds."""
    rotate = [*WSSEC, "keys", "rotate"]
    environment = process_environment(wssec)
    rivals = [
        subprocess.Popen(rotate, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(4)
    ]

    assert [0] * 4 == [rival.wait(timeout=120) for rival in rivals]
    for rival in rivals:
        rival.communicate()
    assert ["retired"] * 4 + ["current"] == states(wssec)
    assert 0 == wssec("store", "doctor").code


def test_k05_the_slower_of_two_publishes_nothing_stale(
    wssec: Terminal, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another rotates and publishes between our change and our publication: what counts is the file."""
    real = publication.publish_ring
    rival = iter([KeyFile(place / "keys.json")])

    async def overtaken(store: Store, ring: KeyRing) -> None:
        for file in rival:
            await real(store, file.edit(lambda found: found.rotate(1_800_000_000.0)))
        await real(store, ring)

    monkeypatch.setattr(publication, "publish_ring", overtaken)
    wssec.done("keys", "rotate")

    assert ["retired", "retired", "current"] == states(wssec)
    assert 0 == wssec("store", "doctor").code


def test_k05_two_generate_the_first_key_at_once(tmp_path: Path, bare: Terminal) -> None:
    """Both make a key, one of them the file: one is current and the other next."""
    variables = {"WSSEC_KEYS": f"{tmp_path}/keys.json", "WSSEC_STORE": f"sqlite:///{tmp_path}/wssec.db"}
    deployment = Terminal(variables)
    environment = process_environment(deployment)
    generate = [*WSSEC, "keys", "generate"]
    rivals = [
        subprocess.Popen(generate, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)
    ]

    assert [0] * 3 == [rival.wait(timeout=120) for rival in rivals]
    for rival in rivals:
        rival.communicate()
    assert ["current", "next", "next"] == states(deployment)
    assert 0 == deployment("store", "doctor").code


def test_k05_a_key_file_that_appears_meanwhile_is_changed(
    tmp_path: Path, bare: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and making, another command may have made it: its key stays."""
    deployment = Terminal({"WSSEC_KEYS": f"{tmp_path}/keys.json"})
    first = deployment.json("keys", "generate")["current"]
    looks = iter([False])
    lexists = os.path.lexists
    monkeypatch.setattr("os.path.lexists", lambda path: next(looks, None) is not False and lexists(path))

    second = deployment.json("keys", "generate")

    assert (first, "next") == (second["current"], second["changed"][0]["state"])


@pytest.mark.parametrize("command", ["keys rotate", "keys generate", "keys retire current --compromised --yes"])
def test_k06_disk_full(wssec: Terminal, place: Path, command: str) -> None:
    """The old file is intact, the exit code says so, and so does one line."""
    before = (place / "keys.json").read_bytes()

    ran = run(wssec, "bash", "-c", f"ulimit -f 0; exec {' '.join(WSSEC)} {command}")

    assert (1, "", 1) == (ran.returncode, ran.stdout, len(said(ran)))
    assert before == (place / "keys.json").read_bytes()


def test_k06_disk_full_under_init(tmp_path: Path, bare: Terminal) -> None:
    """Nothing half-made stays."""
    (tmp_path / "chat").mkdir(mode=0o700)

    ran = run(bare, "bash", "-c", f"ulimit -f 0; exec {' '.join(WSSEC)} init chat", cwd=tmp_path)

    assert (1, 1, []) == (ran.returncode, len(said(ran)), os.listdir(tmp_path / "chat"))


# --- K07 ---


def every_command(command: click.Command = main, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, groups too."""
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from every_command(below, *path, name)


def test_k07_no_argument_is_a_secret() -> None:
    """No option or argument takes a token, a passphrase or a private key; files and standard input do."""
    taking = [
        (path, param.name, param.metavar)
        for path, command in every_command()
        for param in command.params
        if any(word in str(param.name) for word in ("token", "passphrase", "password", "secret", "ticket"))
        and not (isinstance(param, click.Option) and param.is_flag)
    ]

    of_files = {(("keys", "import"), "passphrase_file"), (("connect",), "token"), (("connect",), "ticket")}
    assert of_files == {(path, name) for path, name, _ in taking}
    assert {"FILE"} == {metavar for _, _, metavar in taking}


def secretive(wssec: Terminal, place: Path) -> dict[str, str]:
    """Settings that hold a secret wherever one may stand, every one of them faulty."""
    return {
        "WSSEC_STORE": f"redis+nonsense://user:{SECRET}@db.example.com",
        "WSSEC_KEYS": str(place / "keys.json"),
        "WSSEC_KEYS_PASSPHRASE": SECRET,
        "WSSEC_COOKIE_SECRET": SECRET,
        "WSSEC_ISSUER": "i",
        "WSSEC_AUDIENCE": "a",
    }


@pytest.mark.parametrize("path", [path for path, _ in every_command()], ids=" ".join)
def test_k07_no_command_prints_a_secret_of_the_environment(
    wssec: Terminal, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...]
) -> None:
    """Neither its help nor what it says when it fails, nor a traceback."""
    monkeypatch.chdir(tmp_path)  # `init` makes its files where it is
    variables = secretive(wssec, place)
    arguments = ["x"] if path[:1] in (("revoke",), ("check",)) else []

    printed = [wssec(*path, *rest, **variables).everything for rest in (["--help"], arguments, [*arguments, "--json"])]

    assert not [text for text in printed if SECRET in text or "Traceback" in text]


def test_k07_no_command_prints_a_private_half(wssec: Terminal, place: Path) -> None:
    """`keys show` prints the public part only, and so does everything else."""
    wssec.done("keys", "generate", "--alg", "ES256")
    wssec.done("keys", "generate", "--alg", "HS256")
    entries = json.loads((place / "keys.json").read_text())["keys"]
    secrets = {entry[name] for entry in entries for name in PRIVATE_MEMBERS & entry.keys()}

    printed = [wssec("keys", "show", "--json", "--", entry["kid"]).everything for entry in entries]
    printed += [wssec(*command.split()).everything for command in ("keys list --json", "keys export", "store doctor")]

    assert 3 == len(secrets)
    assert not [secret for secret in secrets for text in printed if secret in text]


def test_k07_wrong_passphrase_is_not_repeated(tmp_path: Path, bare: Terminal) -> None:
    """Neither the wrong one nor the right one."""
    bare.done("init", str(tmp_path / "chat"), WSSEC_KEYS_PASSPHRASE=SECRET)

    outcome = bare("keys", "list", WSSEC_KEYS=f"{tmp_path}/chat/keys.json", WSSEC_KEYS_PASSPHRASE="wrong-" + SECRET)

    assert (1, 1, False) == (outcome.code, outcome.err.count("\n"), SECRET in outcome.everything)


def test_k07_a_bug_prints_no_local_variables(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw ends in a line without the exception's text."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("tornado_wssec.cli.context.open_store", broken)

    outcome = wssec("store", "ping")

    assert (1, 1, False) == (outcome.code, outcome.err.count("\n"), SECRET in outcome.everything)
    assert "this is a bug (RuntimeError at cli/" in outcome.err


# --- K08 ---


def pem(key: Any) -> bytes:
    """A private key as PKCS#8."""
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        (lambda: pem(generate_rsa_key(65_537, 1024)), ["--alg", "RS256"], "RSA with 1024 bits"),  # noqa: S505 -- weak on purpose
        (lambda: b"0123456789abcdef", ["--secret"], "HS256 secret of 16 bytes"),
        (lambda: pem(generate_private_key(SECP384R1())), [], "EC on secp384r1"),
        (lambda: b'{"kty":"oct","k":"c2hvcnQ","alg":"HS256"}', [], "HS256 secret of 5 bytes"),
    ],
    ids=["RSA-1024", "HS of 16 bytes", "P-384", "JWK of 5 bytes"],
)
def test_k08_weak_import(wssec: Terminal, source: Any, options: list[str], told: str) -> None:
    """Refused with the reason, none of the key in it, and the ring as it was."""
    data = source()

    outcome = wssec("keys", "import", "-", *options, stdin=data)

    assert (1, "", 1, ["current"]) == (outcome.code, outcome.out, outcome.err.count("\n"), states(wssec))
    assert told in outcome.err
    assert not [
        line for line in data.decode().splitlines() if len(line) > 7 and "-----" not in line and line in outcome.err
    ]


def test_k08_export_holds_nothing_private(wssec: Terminal) -> None:
    """No `d`, `p`, `q`, `k`, whatever kinds of keys there are."""
    for alg in ("ES256", "HS256"):
        wssec.done("keys", "generate", "--alg", alg)

    entries = json.loads(wssec.done("keys", "export"))["keys"]

    assert ["EdDSA", "ES256"] == [entry["alg"] for entry in entries]
    assert not PRIVATE_MEMBERS.intersection(*entries)


# --- K09 ---


HARMLESS: Final = [
    "';DROP",
    "%",
    "_",
    "*",
    "**",
    "u%",
    "${HOME}",
    "$(id)",
    "`id`",
    "../../etc",
    "{0}",
    "\\n",
    "a:b",
    "-",
    "#",
]
HOSTILE: Final = [
    "'; DROP TABLE revocation_log; --",
    "x\r\nFLUSHALL",
    "x\nFLUSHALL",
    "x\x00y",
    "\x1b[2J",
    "\u202eevil",
    "é",
    "\ud800",
    "",
    " ",
    "x" * 129,
    "x" * 1_000_000,
]
KINDS: Final = ["token", "session", "subject", "tenant", "key"]


@pytest.mark.parametrize("kind", KINDS)
def test_k09_printable_values_are_literal(wssec: Terminal, kind: str) -> None:
    """Quotes, wildcards and shell syntax name what they spell, and nothing else."""
    values = [value for value in HARMLESS if not (kind == "token" and value == "-")]

    for value in values:
        assert value == wssec.json("revoke", kind, "--", value)["value"]

    assert values == [entry["value"] for entry in wssec.json("revocations", "list")]
    assert [1] * len(values) == [len(wssec.json("revocations", "list", "--value", value)) for value in values]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:24])
def test_k09_other_values_are_refused(wssec: Terminal, kind: str, value: str) -> None:
    """Exit 2 and one short line; nothing is written and nothing is repeated."""
    assert_refused(wssec("revoke", kind, "--", value), value)
    assert_refused(wssec("revocations", "show", "--", value), value)
    assert [] == wssec.json("revocations", "list", "--all")


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:24])
def test_k09_other_values_are_refused_from_standard_input(wssec: Terminal, value: str) -> None:
    """A megabyte too, of which no more is read than a token has."""
    assert_refused(wssec("revoke", "token", "-", stdin=value.encode("utf-8", "surrogatepass")), value)
    assert [] == wssec.json("revocations", "list", "--all")


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:24])
@pytest.mark.parametrize(
    "command", ["token issue --subject", "ticket issue --subject", "token issue --subject u --tenant"]
)
def test_k09_other_values_are_in_no_credential(wssec: Terminal, command: str, value: str) -> None:
    """What could not be revoked is not issued."""
    assert_refused(wssec(*command.split(), value), value)


def assert_refused(outcome: Outcome, value: str) -> None:
    """Wrong usage, in one short line that does not act on a terminal."""
    assert (2, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert len(outcome.err) < 1_000
    assert outcome.err.removesuffix("\n").isprintable()
    assert len(value) < 5 or value not in outcome.err


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_characters="\x00")), kind=st.sampled_from(KINDS))
def test_k09_any_value_is_literal_or_refused(wssec: Terminal, kind: str, value: str) -> None:
    """There is no third way, and the store is well afterwards."""
    outcome = wssec("revoke", kind, "--json", "--", value)

    assert outcome.code in (0, 2)
    assert outcome.code == 2 or value == outcome.json["value"]
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x00" * 100, '{"class":' * 10_000, "\r\n" * 1_000, "\xff\xfe"])
def test_k09_hostile_imports_are_refused(wssec: Terminal, text: str) -> None:
    """Exit 2, one line, and nothing is written."""
    outcome = wssec("revocations", "import", "-", stdin=text.encode("latin-1"))

    assert (2, 1, []) == (outcome.code, outcome.err.count("\n"), wssec.json("revocations", "list", "--all"))
    assert len(outcome.err) < 1_000


def test_k09_imported_text_does_not_act_on_a_terminal(wssec: Terminal) -> None:
    """What another store held is shown escaped."""
    entry = {"class": "revocation", "id": "a", "kind": "subject", "value": "u\x1b[2J\r\nx", "at": 1, "effective_at": 1}
    wssec.done("revocations", "import", "-", stdin=json.dumps({**entry, "reason": "\x9b31m\u202e"}))

    shown = [wssec.done("revocations", "list", "--all"), wssec.done("revocations", "show", "a")]

    assert not [text for text in shown if set(text) & {"\x1b", "\x9b", "\r", "\u202e"}]


# --- K10 ---


@pytest.mark.parametrize("kind", KINDS)
def test_k10_revoking_the_unknown_is_fine(wssec: Terminal, kind: str) -> None:
    """Whoever revokes may know more than we do; twice is as good as once."""
    assert [0, 0] == [wssec("revoke", kind, "nobody").code for _ in range(2)]


@pytest.mark.parametrize("kind", ["subject", "tenant"])
def test_k10_the_future_is_asked_about(wssec: Terminal, kind: str) -> None:
    """Without a terminal it fails, naming --yes, and nothing is written."""
    outcome = wssec("revoke", kind, "u42", "--before", "2999-01-01T00:00:00Z")

    assert (1, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert "add --yes if it is meant: --before 2999-01-01T00:00:00Z is in the future" in outcome.err
    assert [] == wssec.json("revocations", "list", "--all")


def test_k10_the_future_can_be_meant(wssec: Terminal) -> None:
    """With --yes it is written, and outlives every token until then."""
    made = wssec.json("revoke", "subject", "u42", "--before", "2999-01-01T00:00:00Z", "--yes")

    assert made["expires_at"] > made["before"] > made["at"]


@pytest.mark.parametrize("answer", ["y", "n"])
def test_k10_the_future_is_decided_at_a_terminal(wssec: Terminal, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Somebody who sits there is asked."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True)

    outcome = wssec("revoke", "subject", "u42", "--before", "2999-01-01", stdin=f"{answer}\n")

    assert (answer == "y") is (outcome.code == 0)
    assert (answer == "y") is bool(wssec.json("revocations", "list"))


# --- K22 ---


def test_k22_without_home(wssec: Terminal, tmp_path: Path) -> None:
    """Nothing is looked for in a home, nor left in one."""
    environment = process_environment(wssec)
    del environment["HOME"]
    (tmp_path / "empty").mkdir()

    ran = run(wssec, *WSSEC, "store", "doctor", env=environment, cwd=tmp_path / "empty")

    assert (0, [], []) == (ran.returncode, said(ran), os.listdir(tmp_path / "empty"))


def test_k22_root_is_a_warning(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line on standard error; the command does what it was asked."""
    monkeypatch.setattr("tornado_wssec.cli.commands.os.geteuid", lambda: 0)
    monkeypatch.setattr("tests.cli.conftest.ROOT_WARNING", "never")

    outcome = wssec("completion", "zsh"), wssec("revoke", "subject", "u42", "--json")

    assert ([0, 0], [0, 1]) == ([one.code for one in outcome], [one.err.count(ROOT_WARNING) for one in outcome])
