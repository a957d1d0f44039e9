"""Lets a restore replace one operation of Amazon Inspector, and reads the parts of its requests that all have."""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, request_scope
from ministack.services import inspector2
from operations import ApiError, Reply, Request
from organization import organization_of
from paging import InvalidToken, page
from upstream import pinned

_VALUES_A_FILTER = 10


def replace_in_inspector(path: str, sha256_prefix: str, operation: Callable[[Request], dict[str, Any]]) -> None:
    """Serves the operation at `path` by a function from the request's JSON object to that of the reply."""
    pinned(inspector2._path_handlers[path], sha256_prefix)

    def answer(data: Request) -> Reply:
        try:
            return json_response(operation(data))
        except ApiError as error:
            return error_response_json(error.code, str(error), 400)

    inspector2._path_handlers[path] = answer


def one_page(rows: list[Any], request: Request, *, name: str, maximum: int) -> dict[str, Any]:
    """One page of the rows under their name, with the token of the next page."""
    size = request.get("maxResults") or maximum
    if not 1 <= int(size) <= maximum:
        raise ApiError("ValidationException", f"maxResults must be between 1 and {maximum}, not {size}.")
    try:
        found, token = page(rows, request.get("nextToken"), int(size))
    except InvalidToken as error:
        raise ApiError("ValidationException", "nextToken is not one of this list.") from error
    return {name: found, **({"nextToken": token} if token else {})}


def matches(request: Request, values: dict[str, str]) -> bool:
    """Whether a row with these values meets all filters of a request, each of which has up to ten alternatives."""
    for name, conditions in (request.get("filterCriteria") or {}).items():
        if name not in values:
            raise ApiError("ValidationException", f"The filter {name} is not known here.")
        if len(conditions) > _VALUES_A_FILTER:
            raise ApiError("ValidationException", f"The filter {name} has more than {_VALUES_A_FILTER} values.")
        if conditions and not any(_meets(values[name], condition) for condition in conditions):
            return False
    return True


def _meets(value: str, condition: dict[str, str]) -> bool:
    comparison, wanted = condition["comparison"], condition["value"]
    if comparison == "PREFIX":
        return value.startswith(wanted)
    return (value == wanted) == (comparison == "EQUALS")


def account() -> str:
    return get_account_id()


def of_each_account(rows: Callable[[], list[Any]]) -> list[Any]:
    """The rows of each account that the caller sees: its own or, for a delegated administrator, those of all members.

    https://docs.aws.amazon.com/inspector/latest/user/admin-member-relationship.html
    """
    caller = account()
    organization = organization_of(caller)
    sees_all = organization is not None and organization.may_ask_for_all(caller)
    seen = sorted(organization.members) if organization and sees_all else [caller]
    found: list[Any] = []
    for each in seen:
        with request_scope(each, get_region()):
            found += rows()
    return found
