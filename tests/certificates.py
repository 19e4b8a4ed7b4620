"""Certificates for the tests: made on the spot, for loopback, good for a day."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certified:
    """A self-signed certificate and its key, in PEM files.

    Args:
        certificate: what a server shows, and a client may trust.
        key: its private half, 0600.
    """

    certificate: Path
    key: Path

    def trusted(self) -> ssl.SSLContext:
        """What a client has that trusts this certificate and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))


def certify(folder: Path, *names: str) -> Certified:
    """Make a certificate for these host names and 127.0.0.1, in a folder that exists."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wssec tests")])
    now = datetime.now(UTC)
    alternatives = [x509.IPAddress(ip_address("127.0.0.1")), *map(x509.DNSName, names)]
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certified = Certified(folder / "certificate.pem", folder / "key.pem")
    certified.certificate.write_bytes(made.public_bytes(Encoding.PEM))
    certified.key.touch(mode=0o600)
    certified.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certified
