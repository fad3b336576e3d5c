"""A time-stamp authority on loopback: HTTP here, and `openssl ts -reply` gives the stamps. Certificates are its own."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.3.6.1.4.1.9999.1"
CONFIG = """
[tsa]
default_tsa = gives
[gives]
serial = {directory}/serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.9999.1
other_policies = 1.3.6.1.4.1.9999.5
digests = sha256
ess_cert_id_alg = sha256
[takes_sha512_only]
serial = {directory}/serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.9999.1
digests = sha512
ess_cert_id_alg = sha256
"""
Answer = tuple[int, bytes]


def make_authority(directory: Path, name: str, ended: bool = False, old: bool = False) -> Path:
    """A root, a CA below it, and a certificate for time stamps; `ended`: that one is over since yesterday.

    `old`: it signs with RSA over SHA-512, and names its certificate as RFC 2634 did.
    """
    directory.mkdir(parents=True)
    now = datetime.now(UTC)
    root, below = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signer = rsa.generate_private_key(65537, 2048) if old else ec.generate_private_key(ec.SECP256R1())
    until = now + timedelta(days=-1 if ended else 30)
    chain = [
        certificate(f"{name} root", root, f"{name} root", root, now + timedelta(days=60)),
        certificate(f"{name} below", below, f"{name} root", root, now + timedelta(days=60)),
        certificate(f"{name} stamps", signer, f"{name} below", below, until, [ExtendedKeyUsageOID.TIME_STAMPING]),
    ]
    for file, made in zip(("root", "below", "signer"), chain, strict=True):
        (directory / f"{file}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    key = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "signer.key").write_bytes(key)
    config = CONFIG.format(directory=directory)
    if old:
        config = config.replace("signer_digest = sha256", "signer_digest = sha512").replace(
            "_alg = sha256", "_alg = sha1"
        )
    (directory / "tsa.cnf").write_text(config)
    return directory


def certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    until: datetime,
    usages: Sequence[x509.ObjectIdentifier] | None = None,
    signs: bool = True,
) -> x509.Certificate:
    """Valid for 90 days; without `usages` of a CA, and `signs`: whose key is for certificates."""
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=90))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(usages is None, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if usages is None:
        use = x509.KeyUsage(True, False, False, False, False, signs, signs, False, False)
        made = made.add_extension(use, critical=True)
    if usages:
        made = made.add_extension(x509.ExtendedKeyUsage(usages), critical=True)
    return made.sign(by, hashes.SHA256())


@dataclass
class Authority:
    """What was asked, and how it answers: `behave` makes status and body from a question."""

    directory: Path
    port: int = 0
    questions: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    behave: Callable[[bytes], Answer] | None = None
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tsr"

    @property
    def ca(self) -> tuple[x509.Certificate, ...]:
        return tuple(x509.load_pem_x509_certificates((self.directory / "root.pem").read_bytes()))

    def reply(self, question: bytes, section: str = "gives", whose: Path | None = None) -> bytes:
        """What OpenSSL answers, signed with the certificates in `whose` directory."""
        whose, asked = whose or self.directory, self.directory / "asked.tsq"
        asked.write_bytes(question)
        command: list[Any] = ["openssl", "ts", "-reply", "-config", whose / "tsa.cnf", "-section", section]
        command += ["-queryfile", asked]
        command += ["-signer", whose / "signer.pem", "-inkey", whose / "signer.key", "-chain", whose / "below.pem"]
        subprocess.run([*command, "-out", self.directory / "answer.tsr"], check=True, capture_output=True)
        return (self.directory / "answer.tsr").read_bytes()

    def silent(self, question: bytes) -> Answer:
        """No answer before the authority is closed."""
        self.released.wait()
        return 503, b""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    authority: Authority


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        question, authority = self.rfile.read(int(self.headers["Content-Length"])), self.server.authority
        authority.questions.append((dict(self.headers.items()), question))
        status, body = authority.behave(question) if authority.behave else (200, authority.reply(question))
        try:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{authority.url}/elsewhere")
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            """Whoever asked has gone."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


@contextmanager
def time_stamp_authority(directory: Path) -> Iterator[Authority]:
    """One that answers until the block ends."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.authority = Authority(directory, server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.authority
        finally:
            server.authority.released.set()
            server.shutdown()
            thread.join()
