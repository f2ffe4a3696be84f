"""TLS authority for the WhatsApp host names. Made once per folder, so that clients keep trusting it after a restart."""

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = ("web.whatsapp.com", "*.whatsapp.com", "*.whatsapp.net", "localhost")
AUTHORITY, CERTIFICATE, KEY = "ca.pem", "server.pem", "server.key"
AUTHORITY_LIFETIME = datetime.timedelta(days=3650)
HOST_LIFETIME = datetime.timedelta(days=800)  # the longest that verifiers on some platforms accept


def prepare(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """-> (path of ca.pem, server context). The files are made when they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / name).exists() for name in (AUTHORITY, CERTIFICATE, KEY)):
        _make(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return folder / AUTHORITY, context


def _builder(subject: str, public: ec.EllipticCurvePublicKey, life: datetime.timedelta) -> x509.CertificateBuilder:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name("Simulator CA"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + life)
    )


def _make(folder: Path) -> None:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    authority = (
        _builder("Simulator CA", authority_key.public_key(), AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(
            x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False), True
        )
        .sign(authority_key, hashes.SHA256())
    )
    host = (
        _builder(HOSTS[0], key.public_key(), HOST_LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in HOSTS]), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(authority_key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / AUTHORITY).write_bytes(authority.public_bytes(pem))
    (folder / CERTIFICATE).write_bytes(host.public_bytes(pem) + authority.public_bytes(pem))
    (folder / KEY).touch(mode=0o600)
    (folder / KEY).write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
