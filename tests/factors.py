"""The one place where tests get through the door: a second factor for an account, its codes, and a session with it."""

from __future__ import annotations

import json
from hashlib import sha256
from time import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.contrib.auth.models import User
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from entrance import factors
from entrance.factor_keys import seal
from ropa.models import Membership, Organisation, Role

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def give_factor(user: Any) -> None:
    """An authenticator app, as if set up."""
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": seal(SECRET)})


def give_key(user: Any) -> None:
    """A security key, as if set up: its public half is real, and nobody has the other."""
    public = ES256.from_cryptography_key(generate_private_key(SECP256R1()).public_key())
    credential = AttestedCredentialData.create(Aaguid.NONE, b"a key of the tests", public)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    answer = AuthenticatorData.create(sha256(b"127.0.0.1").digest(), flags, 0, credential)
    told = {"type": "webauthn.create", "challenge": "", "origin": "http://127.0.0.1"}
    sent = {
        "id": websafe_encode(credential.credential_id),
        "rawId": websafe_encode(credential.credential_id),
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(json.dumps(told).encode()),
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", answer, {}))),
        },
    }
    Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "Avaimenperä", "credential": sent}
    )


def member(organisation: Organisation, name: str, role: Role) -> Any:
    """A new account with a role in the organisation, and a second factor."""
    user = User.objects.create(username=name)
    Membership.objects.create(user=user, organisation=organisation, role=role)
    give_factor(user)
    return user


def code(steps: int = 0, secret: str = SECRET) -> str:
    """What the app shows now, or so many half minutes later."""
    return str(format_hotp_value(hotp_value(secret, int(time()) // 30 + steps)))


def sign_in(client: Client, user: Any) -> Client:
    """A session of this account, opened with its second factor if it has one."""
    client.force_login(user)
    if factors.has(user):
        session = client.session
        session["account_authentication_methods"] = [{"method": "mfa", "type": "totp", "at": time()}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client
