"""A certificate of one's own, for a trial: browsers warn once, and then give a page its microphone."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Browsers refuse longer ones (CA/Browser Forum, 2020).
VALID = timedelta(days=397)
# Clocks of two machines differ.
EARLIER = timedelta(hours=1)


def make(hosts: list[str], now: datetime) -> tuple[bytes, bytes]:
    """A key and a certificate for these names and addresses, as (certificate PEM, key PEM).

    Raises ValueError when ``hosts`` is empty.
    """
    if not hosts:
        raise ValueError("a certificate needs at least one host name or address")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Kakehashi trial ({hosts[0]})"[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def write(folder: Path, hosts: list[str], now: datetime) -> tuple[Path, Path]:
    """Write ``web.crt`` and ``web.key`` (readable by the owner only) into the folder; returns their paths.

    What is there already is kept: a browser that was told to trust it goes on trusting it. Blocks; call it
    before the loop runs, or in a thread.
    """
    certificate, key = folder / "web.crt", folder / "web.key"
    if not (certificate.exists() and key.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        certificate_pem, key_pem = make(hosts, now)
        key.touch(mode=0o600)
        key.chmod(0o600)
        key.write_bytes(key_pem)
        certificate.write_bytes(certificate_pem)
    return certificate, key


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
