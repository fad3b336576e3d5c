"""An OpenLDAP of another sort: TLS, no refint, no access log, other limits, and entries that may not be deleted."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from retention.connectors.ldap.wire import ldap3
from samples.servers import Running, server
from tests.connectors.ldap_worlds import SUFFIX, raw

CONF = """
include    /etc/ldap/schema/core.schema
include    /etc/ldap/schema/cosine.schema
include    /etc/ldap/schema/inetorgperson.schema
include    /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile    {top}/cert.pem
TLSCertificateKeyFile {top}/key.pem
pidfile    {top}/slapd.pid
argsfile   {top}/slapd.args
database   mdb
suffix     "dc=isp,dc=example"
directory  "{top}/db"
rootdn     "cn=admin,dc=isp,dc=example"
rootpw     secret
maxsize    67108864
dbnosync
limits     dn.exact="cn=nopaging,dc=isp,dc=example" size.soft=500 size.hard=500 size.prtotal=disabled
limits     dn.exact="cn=stingy,dc=isp,dc=example" size.soft=500 size.hard=500 size.prtotal=5
limits     dn.exact="cn=ropa,dc=isp,dc=example" size=500 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=customers,dc=isp,dc=example" filter=(title=pysyva) attrs=entry
    by dn.exact="cn=ropa,dc=isp,dc=example" read by users read
access to dn.subtree="ou=customers,dc=isp,dc=example" by dn.exact="cn=ropa,dc=isp,dc=example" write by users read
access to dn.subtree="ou=groups,dc=isp,dc=example" by dn.exact="cn=ropa,dc=isp,dc=example" write by users read
access to * by users read
"""


LDIF = f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: isp
o: Testi

dn: ou=customers,{SUFFIX}
objectClass: organizationalUnit

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit
""" + "".join(
    f"""
dn: cn={name},{SUFFIX}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: {name}
"""
    for name in ("ropa", "nopaging", "stingy")
)


@contextmanager
def strict_slapd(top: Path) -> Iterator[Running]:
    """A running server with its first entries."""
    top.chmod(0o755)
    (top / "db").mkdir()
    (top / "accesslog").mkdir()
    write_certificate(top)
    (top / "slapd.conf").write_text(CONF.format(top=top))
    slapadd = shutil.which("slapadd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert slapadd is not None
    subprocess.run([slapadd, "-q", "-f", top / "slapd.conf", "-b", SUFFIX], input=LDIF.encode(), check=True)
    with server("slapd", top) as running:
        yield running


def admin_of(running: Running):
    return raw(ldap3.Server("127.0.0.1", port=running.port), f"cn=admin,{SUFFIX}", "secret")


def write_certificate(top: Path) -> None:
    """A certificate of our own for 127.0.0.1, which is its own authority too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slapd.example.invalid")])
    begin = datetime(2020, 1, 1)  # noqa: DTZ001
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (top / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (top / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
