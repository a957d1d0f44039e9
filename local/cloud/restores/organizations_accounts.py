"""Organizations knows one organization with its member accounts, and lists them in pages of at most 20.

Only the management account and delegated administrators may list; a member may describe the
organization, and an account outside gets AWSOrganizationsNotInUseException.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
"""

import functools
import json
from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import organizations
from organization import Member, Organization, organization_of
from paging import InvalidToken, page
from upstream import pinned

_LARGEST_PAGE = 20
_JOINED_AT_EPOCH_SECONDS = 1_700_000_000

Reply = tuple[int, dict[str, str], bytes]


def restore() -> None:
    original = pinned(organizations.handle_request, "2d0af4ea21d9")

    @functools.wraps(original)
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Reply:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        restored = _OPERATIONS.get(operation)
        if restored is None:
            return await original(method, path, headers, body, query)
        return _answer(operation, restored, json.loads(body or b"{}"))

    organizations.handle_request = handle


def _answer(operation: str, restored: Any, request: dict[str, Any]) -> Reply:
    caller = get_account_id()
    organization = organization_of(caller)
    if organization is None:
        message = "Your account is not a member of an organization."
        return error_response_json("AWSOrganizationsNotInUseException", message, 400)
    if operation != "DescribeOrganization" and not organization.may_ask_for_all(caller):
        message = "You don't have permissions to access this resource."
        return error_response_json("AccessDeniedException", message, 400)
    return restored(organization, request)


def _describe_organization(organization: Organization, _request: dict[str, Any]) -> Reply:
    management = organization.management_account
    described = {
        "Id": organization.id, "FeatureSet": "ALL", "MasterAccountId": management,
        "Arn": f"arn:aws:organizations::{management}:organization/{organization.id}",
        "MasterAccountArn": _arn(organization, management),
        "MasterAccountEmail": f"{management}@example.com",
    }  # fmt: skip
    return organizations._json(200, {"Organization": described})


def _list_accounts(organization: Organization, request: dict[str, Any]) -> Reply:
    size = request.get("MaxResults", _LARGEST_PAGE)
    if not 1 <= size <= _LARGEST_PAGE:
        return error_response_json("InvalidInputException", f"MaxResults must be 1 to {_LARGEST_PAGE}", 400)
    try:
        members, token = page(list(organization.members.values()), request.get("NextToken"), size)
    except InvalidToken as error:
        return error_response_json("InvalidInputException", str(error), 400)
    accounts = [_account(organization, member) for member in members]
    return organizations._json(200, {"Accounts": accounts, **({"NextToken": token} if token else {})})


def _describe_account(organization: Organization, request: dict[str, Any]) -> Reply:
    member = organization.members.get(request.get("AccountId", ""))
    if member is None:
        message = "You specified an account that doesn't exist."
        return error_response_json("AccountNotFoundException", message, 400)
    return organizations._json(200, {"Account": _account(organization, member)})


def _account(organization: Organization, member: Member) -> dict[str, Any]:
    # `Status` left the answers in September 2026; `State` says more.
    return {
        "Id": member.id, "Arn": _arn(organization, member.id), "Email": f"{member.id}@example.com",
        "Name": member.name, "State": member.state, "JoinedMethod": "CREATED",
        "JoinedTimestamp": _JOINED_AT_EPOCH_SECONDS,
    }  # fmt: skip


def _arn(organization: Organization, account: str) -> str:
    return f"arn:aws:organizations::{organization.management_account}:account/{organization.id}/{account}"


_OPERATIONS = {
    "DescribeAccount": _describe_account,
    "DescribeOrganization": _describe_organization,
    "ListAccounts": _list_accounts,
}
