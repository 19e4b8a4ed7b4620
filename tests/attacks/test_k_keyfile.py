"""Lines K02–K06, K08 and K22 of the attack corpus, as far as they are about the key file."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.policy.rings import NOW, key, material, ring, rsa_of
from tornado_wssec.errors import ConfigurationError, KeyFileError
from tornado_wssec.policy.key_documents import import_jwk, import_pem, import_secret
from tornado_wssec.policy.key_material import PRIVATE_MEMBERS
from tornado_wssec.policy.keys import KeyRing, KeyState
from tornado_wssec.stores.keyfile import KeyFile

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file with one key."""
    place = tmp_path / "keys.json"
    KeyFile(place).create(ring("EdDSA"))
    return place


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python in another process, from where the package is."""
    program = [sys.executable, *arguments]
    return subprocess.run(program, cwd=HERE, capture_output=True, text=True, timeout=120, check=False, **options)


# --- K02 ---


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o606, 0o644, 0o666, 0o777])
def test_k02_file_open_to_others(path: Path, mode: int) -> None:
    """Readable or writable by group or world: refused, with the command that mends it."""
    path.chmod(mode)

    with pytest.raises(KeyFileError, match=f"is open to others .mode {mode:04o}.; run `chmod 600"):
        KeyFile(path).load()


def test_k02_file_of_another_user(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns it can change it; running as root makes it no safer."""
    owner = os.geteuid()
    path.parent.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    with pytest.raises(KeyFileError, match=f"belongs to user {owner}"):
        KeyFile(path).load()


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o702])
def test_k02_directory_open_to_others(path: Path, mode: int) -> None:
    """Who can write the directory can put another file in its place; sticky ones are an exception."""
    path.parent.chmod(mode)
    with pytest.raises(KeyFileError, match="others can replace files in it; run `chmod go-w"):
        KeyFile(path).load()

    path.parent.chmod(mode | stat.S_ISVTX)
    assert ring("EdDSA") == KeyFile(path).load()


def test_k02_links(path: Path) -> None:
    """To the file or its directory: refused, for reading and for writing."""
    link, directory = path.with_name("link.json"), path.parent.with_name(path.parent.name + "-link")
    link.symlink_to(path)
    directory.symlink_to(path.parent)
    before = path.read_bytes()

    for place in (link, directory / path.name):
        for act in (KeyFile(place).load, lambda place=place: KeyFile(place).edit(lambda made: made.rotate(NOW))):
            with pytest.raises(KeyFileError, match=r"name the (file|directory) itself"):
                act()
    assert before == path.read_bytes()


# --- K03 is tests/stores/test_private_file.py: the modes of every open, and the order of flushes and rename ---


def test_k03_created_private_and_never_changed_by_chmod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no moment at which somebody else could have opened it."""
    for name in ("chmod", "fchmod"):
        monkeypatch.setattr(os, name, None)
    seen: list[int] = []
    real = os.write

    def watched(descriptor: int, data: Any) -> int:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", watched)
    KeyFile(tmp_path / "keys.json").create(ring("EdDSA"))

    assert [0o600] == seen


# --- K04, K05 ---


@pytest.mark.parametrize("operation", ["rotate", "create"])
def test_k04_kill_at_every_step(tmp_path: Path, operation: str) -> None:
    """Afterwards the old or the new set is complete, private and ready for the next writer."""
    done = run("-m", "tests.stores.keyfile_torture", operation, str(tmp_path))

    assert "" == done.stderr
    outcomes = json.loads(done.stdout)
    assert outcomes["old"] > 10
    assert outcomes["new"] > 3


ROTATE = """
import sys
from tornado_wssec.stores.keyfile import KeyFile
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    KeyFile(sys.argv[1]).edit(lambda ring: ring.rotate(1_800_000_000.0))
"""


def test_k05_two_rotations_at_once(path: Path) -> None:
    """One after the other: no key is lost, exactly one is current, and every other is retired."""
    start = [sys.executable, "-c", ROTATE, str(path), "10"]
    rivals = [subprocess.Popen(start, cwd=HERE, stdin=subprocess.PIPE, text=True) for _ in range(2)]
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write("go\n")
        rival.stdin.flush()

    assert [0, 0] == [rival.wait(timeout=120) for rival in rivals]
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.close()
    made = KeyFile(path).load()
    states = [found.state for found in made.keys]
    assert (21, 1, 20) == (len(states), states.count(KeyState.CURRENT), states.count(KeyState.RETIRED))
    assert made.keys[-1] == made.current


# --- K06 ---


ROTATE_ON_A_FULL_DISK = """
import resource, sys
from tornado_wssec.errors import KeyFileError
from tornado_wssec.stores.keyfile import KeyFile
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    KeyFile(sys.argv[1]).edit(lambda ring: ring.rotate(1_800_000_000.0))
except KeyFileError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("room", [0, 1, 100, 400])
def test_k06_disk_full(path: Path, room: int) -> None:
    """The old file is intact, nothing is left beside it, and the exit code says so."""
    before = path.read_bytes()
    done = run("-c", ROTATE_ON_A_FULL_DISK, str(path), str(room))

    assert (1, f"{path}: cannot be written: File too large; see to the disk, and run it again\n") == (
        done.returncode,
        done.stderr,
    )
    assert (before, ["keys.json", "keys.json.lock"]) == (path.read_bytes(), sorted(os.listdir(path.parent)))
    assert resource.RLIM_INFINITY == resource.getrlimit(resource.RLIMIT_FSIZE)[0]


# --- K08 ---


def p384_pem() -> bytes:
    """A key on a curve that is not ours."""
    return generate_private_key(SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("load", "fault"),
    [
        (
            lambda: import_pem(
                rsa_of(1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), now=NOW, alg="RS256"
            ),
            "is RSA with 1024 bits",
        ),
        (lambda: import_secret(b"0123456789abcdef", now=NOW), "is an HS256 secret of 16 bytes"),
        (lambda: import_pem(p384_pem(), now=NOW), "is EC on secp384r1, which signs nothing here"),
        (lambda: import_jwk({**material("ES256").private_jwk(), "crv": "P-384"}, now=NOW), "is EC on 'P-384'"),
    ],
    ids=["RSA-1024", "HS of 16 bytes", "P-384 PEM", "P-384 JWK"],
)
def test_k08_weak_import(path: Path, load: Callable[[], Any], fault: str) -> None:
    """Refused, and the file is as it was."""
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match=fault):
        KeyFile(path).edit(lambda made: made.add(load()))
    assert before == path.read_bytes()


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "PS256", "RS256", "HS256"])
def test_k08_export_holds_nothing_private(alg: str) -> None:
    """Not in the JWK Set for verifiers, and not in what nodes publish; a shared secret is in neither."""
    made = ring(alg)
    entries = made.jwks(NOW)["keys"] + made.public_document()["keys"]
    private = [value for name, value in material(alg).private_jwk().items() if name in PRIVATE_MEMBERS]

    assert [] == [name for entry in entries for name in entry if name in PRIVATE_MEMBERS]
    assert [] == [value for value in private if value in json.dumps(entries)]
    assert ([] if alg == "HS256" else [key(alg).kid]) == [entry["kid"] for entry in made.jwks(NOW)["keys"]]


def test_k08_private_keys_in_a_published_set() -> None:
    """Reading them would hide that they leaked."""
    with pytest.raises(ConfigurationError, match="has the private members d; retire it with"):
        KeyRing().merge_public(ring("EdDSA").to_jwks())


# --- K22 ---


def test_k22_umask_of_zero(tmp_path: Path) -> None:
    """No home, no umask, perhaps root: every file is private all the same."""
    program = "import os; os.umask(0); from tests.attacks.test_k_keyfile import make; make()"
    done = run("-c", program, env={"PATH": os.environ["PATH"], "TARGET": str(tmp_path / "keys.json")})

    assert (0, "") == (done.returncode, done.stderr)
    assert {"keys.json": 0o600, "keys.json.lock": 0o600} == {
        found.name: stat.S_IMODE(found.stat().st_mode) for found in tmp_path.iterdir()
    }


def make() -> None:
    """Make and change a key file at $TARGET, in another process."""
    file = KeyFile(os.environ["TARGET"])
    file.create(KeyRing().generate(now=NOW))
    file.edit(lambda made: made.rotate(NOW))
