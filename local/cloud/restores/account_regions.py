"""ListRegions tells which Regions are enabled in an account, in pages of at most 50.

With `AccountId` the management account and delegated administrators ask for a member.

https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
"""

from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import account as account_service
from organization import REGIONS_ENABLED_BY_DEFAULT, enabled_regions, organization_of
from paging import InvalidToken, page
from upstream import pinned

_LARGEST_PAGE = 50

Reply = tuple[int, dict[str, str], bytes]


def restore() -> None:
    pinned(account_service._list_regions, "cd44de7a4ea1")
    pinned(account_service.handle_request, "4bafc7250060")
    account_service._DISPATCH["/listRegions"] = _list_regions


def _list_regions(request: dict[str, Any]) -> Reply:
    caller = get_account_id()
    account = request.get("AccountId") or caller
    organization = organization_of(caller)
    may_ask = organization is not None and account in organization.members and organization.may_ask_for_all(caller)
    if account != caller and not may_ask:
        return _error("AccessDeniedException", f"The account {caller} may not ask for the account {account}.", 403)
    wanted = request.get("RegionOptStatusContains")
    enabled = enabled_regions(account)
    rows = [{"RegionName": name, "RegionOptStatus": _status(name, enabled)} for name in sorted(_all(enabled))]
    rows = [row for row in rows if not wanted or row["RegionOptStatus"] in wanted]
    try:
        regions, token = page(rows, request.get("NextToken"), request.get("MaxResults", _LARGEST_PAGE))
    except InvalidToken as error:
        return _error("ValidationException", str(error), 400)
    return account_service._json(200, {"Regions": regions, **({"NextToken": token} if token else {})})


def _all(enabled: frozenset[str]) -> set[str]:
    return {*account_service._REGIONS_LIST, *enabled}


def _status(region: str, enabled: frozenset[str]) -> str:
    if region not in enabled:
        return "DISABLED"
    return "ENABLED_BY_DEFAULT" if region in REGIONS_ENABLED_BY_DEFAULT else "ENABLED"


def _error(code: str, message: str, status: int) -> Reply:
    reply_status, headers, body = error_response_json(code, message, status)
    return reply_status, {**headers, "x-amzn-errortype": code}, body
