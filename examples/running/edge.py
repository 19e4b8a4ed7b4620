"""A real nginx in front of several servers, on the file of `examples/deploy/`.

What differs here, ports, places and sizes, is replaced text by text, and each of these texts must stand in the file.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from .processes import CannotRun, await_port, running

FILE: Final = Path(__file__).resolve().parents[1] / "deploy" / "nginx.conf"
FROM: Final = "127.0.0.9" if sys.platform == "linux" else "127.0.0.1"
"""Where nginx connects from, and whom the servers trust: an address of its own, where loopback has more than one."""
SYSTEM_PATH: Final = ("/usr/sbin", "/usr/local/sbin")
REMEDY: Final = "--nodes needs nginx: apt-get install nginx, or brew install nginx"
NOBODY: Final = 65_534


@contextmanager
def edge(folder: Path, port: int, upstreams: Sequence[int]) -> Iterator[Path]:
    """Run nginx with TLS on `port` of loopback, which hands on to these ports in turn; gives its certificate.

    Args:
        folder: an empty one, which nginx owns from now on.

    Raises:
        CannotRun: it is not installed, or does not start.
    """
    program = find_program()
    certificate = certify(folder)
    file = folder / "nginx.conf"
    file.write_text(localised(FILE.read_text(), folder, port, upstreams))
    log, early = folder / "error.log", folder / "program.log"
    command = [program, "-c", str(file), "-p", str(folder), "-e", str(log), "-g", "daemon off;"]
    with running(command, early, cwd=folder, **_nobody(folder)) as process:
        await_port(process, "nginx", port, early, log)
        yield certificate


def find_program() -> str:
    """Where nginx is.

    Raises:
        CannotRun: nowhere.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_PATH))
    found = shutil.which("nginx", path=path)
    if found is None:
        raise CannotRun(REMEDY)
    return found


def localised(text: str, folder: Path, port: int, upstreams: Sequence[int]) -> str:
    """The configuration, for this folder and these ports."""
    temporary = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    replacements = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "        server 127.0.0.1:8888;\n": "".join(f"        server 127.0.0.1:{each};\n" for each in upstreams),
        "proxy_bind 127.0.0.9": f"proxy_bind {FROM}",
        "/etc/ssl/wssec/edge.pem": str(folder / "certificate.pem"),
        "/etc/ssl/wssec/edge.key": str(folder / "key.pem"),
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/var/log/nginx/": f"{folder}/",
        "worker_processes auto;": "worker_processes 1;",
        "worker_rlimit_nofile 20000;\n": "",
        "worker_connections 20000;": "worker_connections 400;",
        "http {\n": f"http {{\n    {temporary}\n",  # its usual ones belong to root
    }
    for before, after in replacements.items():
        if before not in text:
            raise CannotRun(f"{before!r} does not stand in {FILE}")
        text = text.replace(before, after)
    return text


def certify(folder: Path) -> Path:
    """A certificate for this machine, good for a day, that nobody but who is given it trusts; its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wssec example")])
    now = datetime.now(UTC)
    names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").touch(mode=0o600)
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "certificate.pem").write_bytes(made.public_bytes(Encoding.PEM))
    return folder / "certificate.pem"


def _nobody(folder: Path) -> dict[str, Any]:
    """How nginx runs where we are root: as nobody, in its own folder."""
    if os.geteuid() != 0:
        return {}
    folder.parent.chmod(0o711)
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}
