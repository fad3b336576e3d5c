"""A time stamp (RFC 3161) of a head, read and checked offline; `retention.offline` and a night both ask here.

Like `offline.py` this file needs Python and `cryptography` and nothing of ours, and is copied beside it. It is read
where there is a stamp only: it rests on an interface that `cryptography` calls unstable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Annotated, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

TOLERANCE = timedelta(minutes=5)
"""So much may the authority's clock be behind the one that a head was signed by."""
EAST = timezone(timedelta(hours=14))
"""Where a day begins first."""
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = {"1.2.840.113549.1.9.16.2.12": "sha1", "1.2.840.113549.1.9.16.2.47": "sha256"}
"""The attributes that name the signer's certificate (RFC 2634, RFC 5035), and the digest if they name none."""
NOT_GRANTED = "was not granted"
SIGNED_DATA, TIME_STAMP = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
SIGNATURES: Mapping[str, hashes.HashAlgorithm | None] = {
    "1.2.840.113549.1.1.1": None,  # RSA: over the digest that the signer names
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
}


class StampError(Exception):
    """What is wrong with a time stamp, as the rest of a sentence about it."""


@dataclass(frozen=True)
class Stamp:
    """What a time stamp says. `time`: when the authority was shown the digest, by its own clock, in UTC."""

    time: datetime
    policy: str
    nonce: int | None


@cache
def shapes() -> SimpleNamespace:
    """The ASN.1 of a time stamp (RFC 3161, 5652, 5035). Raises StampError where `cryptography` is older than 50.

    Made only where there is a stamp: everything else is checked without. `[0] IMPLICIT SET OF` is read as a list where
    the standard does not order it, as of certificates.
    """
    try:
        asn1: Any = import_module("cryptography.hazmat.asn1")
        many: Any = list
        tagged: Any = Annotated

        def sequence(name: str, **fields: Any) -> Any:
            return asn1.sequence(type(name, (), {"__annotations__": fields}))

        anything = many[asn1.TLV] | None
        oid = x509.ObjectIdentifier
        algorithm = sequence("Algorithm", oid=oid, parameters=asn1.Null | None)
        attribute = sequence("Attribute", kind=oid, values=asn1.SetOf[asn1.TLV])
        issued = sequence("Issued", issuer=asn1.TLV, serial=int)
        signer = sequence(
            "Signer",
            version=int,
            certificate=issued,
            digest=algorithm,
            signed=tagged[asn1.SetOf[attribute], asn1.Implicit(0)],
            algorithm=algorithm,
            signature=bytes,
            unsigned=tagged[anything, asn1.Implicit(1)],
        )
        content = sequence("Content", kind=oid, content=tagged[bytes, asn1.Explicit(0)])
        signed = sequence(
            "Signed",
            version=int,
            digests=asn1.SetOf[algorithm],
            content=content,
            certificates=tagged[many[x509.Certificate] | None, asn1.Implicit(0)],
            revoked=tagged[anything, asn1.Implicit(1)],
            signers=asn1.SetOf[signer],
        )
        token = sequence("Token", kind=oid, content=tagged[signed, asn1.Explicit(0)])
        status = sequence("Status", status=int, text=many[str] | None, failure=asn1.BitString | None)
        imprint = sequence("Imprint", algorithm=algorithm, digest=bytes)
        accuracy = sequence(
            "Accuracy",
            seconds=int | None,
            millis=tagged[int | None, asn1.Implicit(0)],
            micros=tagged[int | None, asn1.Implicit(1)],
        )
        by = sequence("IssuedBy", names=many[asn1.TLV], serial=int)
        named = sequence("Named", algorithm=algorithm | None, digest=bytes, issued=by | None)
        return SimpleNamespace(
            decode=asn1.decode_der,
            encode=asn1.encode_der,
            any=asn1.TLV,
            algorithm=algorithm,
            imprint=imprint,
            attributes=sequence("Attributes", all=asn1.SetOf[attribute]),
            answer=sequence("Answer", status=status, token=token | None),
            info=sequence(
                "Info",
                version=int,
                policy=oid,
                imprint=imprint,
                serial=int,
                time=asn1.GeneralizedTime,
                accuracy=accuracy | None,
                ordering=tagged[bool, asn1.Default(False)],
                nonce=int | None,
                authority=tagged[anything, asn1.Implicit(0)],
                extensions=tagged[anything, asn1.Implicit(1)],
            ),
            signing=sequence("Signing", certificates=many[named], policies=anything),
            request=sequence(
                "Request",
                version=int,
                imprint=imprint,
                policy=oid | None,
                nonce=int | None,
                certificates=tagged[bool, asn1.Default(False)],
            ),
        )
    except (ImportError, AttributeError, TypeError, NotImplementedError):
        raise StampError("cannot be read by this version of `cryptography`; take 50 or newer") from None


def read_stamp(answer: bytes, digest: str, authorities: Sequence[x509.Certificate]) -> Stamp:
    """What an authority's answer (DER) says of a SHA-256 digest, hex. Raises StampError.

    Checked are the status, the digest, the signature by the certificate that the answer holds and names, and that it
    leads to one of the `authorities` and was valid at the stamp's own time. With none who signed is not asked.
    """
    of = shapes()
    try:
        told = of.decode(of.answer, answer)
        if told.status.status not in {0, 1} or told.token is None:
            raise StampError(f"{NOT_GRANTED} (status {told.status.status})")
        signed = told.token.content
        if (told.token.kind.dotted_string, signed.content.kind.dotted_string) != (SIGNED_DATA, TIME_STAMP):
            raise StampError("is something else that somebody signed")
        info = of.decode(of.info, signed.content.content)
        imprint = DIGESTS.get(info.imprint.algorithm.oid.dotted_string), info.imprint.digest.hex()
        if not isinstance(imprint[0], hashes.SHA256) or imprint[1] != digest:
            raise StampError("is of another digest")
        when = info.time.as_datetime().astimezone(UTC)
        _signed_by(signed, authorities, when)
        return Stamp(when, info.policy.dotted_string, info.nonce)
    except (ValueError, TypeError, LookupError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise StampError("cannot be read") from None


def _signed_by(signed: Any, authorities: Sequence[x509.Certificate], when: datetime) -> None:
    """RFC 5652 5.4 and 5.6: one signer, over attributes that name the content's digest and the certificate."""
    of, signers, certificates = shapes(), signed.signers.as_list(), signed.certificates or []
    if len(signers) != 1:
        raise StampError(f"has {len(signers)} signers")
    signer = signers[0]
    named = (signer.certificate.serial, bytes(signer.certificate.issuer.data))
    mine = [one for one in certificates if (one.serial_number, _issuer(one)) == named]
    if not mine:
        raise StampError("does not hold the certificate of its signer")
    attributes = {one.kind.dotted_string: one.values.as_list() for one in signer.signed.as_list()}
    digest = DIGESTS.get(signer.digest.oid.dotted_string)
    if (
        digest is None
        or signer.algorithm.oid.dotted_string not in SIGNATURES
        or len(attributes) != len(signer.signed.as_list())
    ):
        raise StampError("is signed in a way that is not read here")
    content = hashlib.new(digest.name, signed.content.content).digest()
    if [one.parse(x509.ObjectIdentifier).dotted_string for one in attributes.get(CONTENT_TYPE, ())] != [TIME_STAMP] or [
        one.parse(bytes) for one in attributes.get(MESSAGE_DIGEST, ())
    ] != [content]:
        raise StampError("was changed: its content is not what was signed")
    if not _named(mine[0], attributes):
        raise StampError("names another certificate than its signer's")
    raw = bytes(of.decode(of.any, of.encode(of.attributes(all=signer.signed))).data)  # what is signed is the SET
    hashed = SIGNATURES[signer.algorithm.oid.dotted_string] or digest
    key = mine[0].public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer.signature, raw, padding.PKCS1v15(), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, raw, ec.ECDSA(hashed))
        else:
            raise StampError("is signed with a kind of key that is not read here")
    except InvalidSignature:
        raise StampError("has a signature that is not its own") from None
    if authorities:
        _leads_to(mine[0], [one for one in certificates if one != mine[0]], authorities, when)


def _issuer(certificate: x509.Certificate) -> bytes:
    of = shapes()
    return bytes(of.decode(of.any, certificate.issuer.public_bytes()).data)


def _named(certificate: x509.Certificate, attributes: Mapping[str, Sequence[Any]]) -> bool:
    """Whether the signed attributes name this certificate, as RFC 3161 2.4.2 wants: another's key is not enough."""
    whole = certificate.public_bytes(serialization.Encoding.DER)
    found = []
    for kind, usual in SIGNING_CERTIFICATE.items():
        for value in attributes.get(kind, ()):
            first = value.parse(shapes().signing).certificates[0]
            named = usual if first.algorithm is None else DIGESTS[first.algorithm.oid.dotted_string].name
            found.append(hashlib.new(named, whole).digest() == first.digest)
    return bool(found) and all(found)


def _leads_to(
    signer: x509.Certificate,
    between: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    when: datetime,
) -> None:
    """RFC 5280 6, at the stamp's own time. A time-stamping certificate is for nothing else (RFC 3161 2.3)."""

    def stamps(policy: Any, certificate: x509.Certificate, found: x509.ExtendedKeyUsage) -> None:
        if list(found) != [ExtendedKeyUsageOID.TIME_STAMPING]:
            raise ValueError("is not for time stamps alone")

    def signs(policy: Any, certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
        if found is not None and not found.key_cert_sign:
            raise ValueError("signs no certificates")

    either = verification.Criticality.AGNOSTIC
    every = verification.ExtensionPolicy.permit_all()
    ca = every.require_present(x509.BasicConstraints, either, None).may_be_present(x509.KeyUsage, either, signs)
    leaf = every.require_present(x509.ExtendedKeyUsage, verification.Criticality.CRITICAL, stamps)
    builder = verification.PolicyBuilder().store(verification.Store(list(authorities))).time(when.replace(tzinfo=None))
    try:
        builder.extension_policies(ca_policy=ca, ee_policy=leaf).build_client_verifier().verify(signer, list(between))
    except verification.VerificationError:
        raise StampError(
            f"is not signed by one of the authorities given, or by a certificate not valid at {when}"
        ) from None


def stamp_of_head(
    answer: bytes, digest: str, body: Mapping[str, Any], authorities: Sequence[x509.Certificate]
) -> Stamp:
    """`read_stamp` of a head; and a stamp is never older than what it is of. Raises StampError."""
    stamp = read_stamp(answer, digest, authorities)
    if "signed_at" in body:
        signed = datetime.fromisoformat(body["signed_at"])
    else:
        signed = datetime.combine(date.fromisoformat(body["business_date"]), time.min, EAST)
    if stamp.time < signed - TOLERANCE:
        raise StampError(f"is of {stamp.time.isoformat()}, before the head was signed")
    return stamp
