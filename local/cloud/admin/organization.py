"""`POST organization`: declares the organization, its accounts and their enabled Regions.

`{id, accounts: [{id, name, state?, regions?}], managementAccount?, delegatedAdministrators?, regions?}`.
The management account is the hub account unless given, and a member in any case. `regions` are the
enabled ones of every account that names none of its own; AWS's default without them.
"""

import os
import re
from typing import Any

from admin import BadRequest
from organization import STATES, Member, Organization, declare

_ACCOUNT = re.compile(r"\d{12}")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")


def _declare(body: dict[str, Any]) -> dict[str, Any]:
    if not _ORGANIZATION.fullmatch(body["id"]):
        raise BadRequest("id must be `o-` and 10 to 32 lower-case letters or digits")
    management = _account(body.get("managementAccount", os.environ["MINISTACK_ACCOUNT_ID"]), "managementAccount")
    members = {management: Member(management, "management", regions=_regions(body))}
    for given in body["accounts"]:
        member = _member(given, _regions(body))
        members[member.id] = member
    delegates = frozenset(_account(each, "delegatedAdministrators") for each in body.get("delegatedAdministrators", []))
    declare(Organization(body["id"], management, members, delegates))
    return {"id": body["id"], "managementAccount": management, "accounts": len(members)}


def _member(given: dict[str, Any], regions: tuple[str, ...] | None) -> Member:
    state = given.get("state", "ACTIVE")
    if state not in STATES:
        raise BadRequest(f"accounts[].state must be one of {', '.join(STATES)}, not {state!r}")
    account = _account(given["id"], "accounts[].id")
    own = _regions(given)
    return Member(account, given.get("name", f"account-{account}"), state, regions if own is None else own)


def _regions(holder: dict[str, Any]) -> tuple[str, ...] | None:
    return tuple(holder["regions"]) if "regions" in holder else None


def _account(value: Any, field: str) -> str:
    if not (isinstance(value, str) and _ACCOUNT.fullmatch(value)):
        raise BadRequest(f"{field} must be 12 digits, not {value!r}")
    return value


ROUTES = {("POST", "organization"): _declare}
