"""R8: user accounts in a directory (`samples/servers/start-slapd`), found by staff number.

The people lie below `ou=customers`, because that is where the server lets its service account write.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from samples.frame import Built
from samples.ksvv.story import tell
from samples.lives import Employee
from samples.servers import Running, ServerError

BASE = "ou=henkilosto,ou=customers,dc=isp,dc=example"
MANAGER = "cn=admin,dc=isp,dc=example"
MANAGER_PASSWORD = "secret"  # noqa: S105 - the server's start script says it, on loopback
TOOLS = {"ldapadd": "ldap-utils"}
SERVICE_PASSWORD = "ropa"  # noqa: S105 - likewise


def fill(running: Running, built: Built) -> None:
    """Add everybody's account. Raises ServerError if the directory refuses."""
    story = tell(built.today, built.seed, built.customers)
    done = subprocess.run(
        ["ldapadd", "-x", "-H", url(running), "-D", MANAGER, "-w", MANAGER_PASSWORD],
        input=ldif(story.staff),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerError(f"the directory refused an account (ldapadd ended with {done.returncode})")


def environment(running: Running) -> Mapping[str, str]:
    """What the inventory's connection reads."""
    return {"SELOSTE_DEMO_KSVV_LDAP_URL": url(running), "SELOSTE_DEMO_KSVV_LDAP_PASSWORD": SERVICE_PASSWORD}


def url(running: Running) -> str:
    return f"ldap://{running.address}:{running.port}"


def ldif(staff: Sequence[Employee]) -> str:
    """The accounts as LDIF."""
    entries = [f"dn: {BASE}\nobjectClass: organizationalUnit\nou: henkilosto\n"]
    for one in staff:
        user = f"ks{one.number}"
        entries.append(
            f"dn: uid={user},{BASE}\nobjectClass: inetOrgPerson\nuid: {user}\nemployeeNumber: {one.number}\n"
            f"cn: {user}\nsn: {user}\nmail: {user}@example.invalid\n"
        )
    return "\n".join(entries)
