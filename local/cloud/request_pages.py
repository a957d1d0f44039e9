"""Pages as the `maxResults` and `nextToken` of an operation of ECR or ECS."""

from typing import Any

from operations import ApiError, Request
from paging import InvalidToken, page


def page_of(items: list[Any], request: Request, *, default: int, maximum: int) -> tuple[list[Any], dict[str, str]]:
    """One page of the items, and the reply's `nextToken` as a dictionary that is empty on the last page."""
    size = request.get("maxResults") or default
    if not (isinstance(size, int) and 1 <= size <= maximum):
        raise ApiError("InvalidParameterException", f"maxResults must be between 1 and {maximum}, not {size}.")
    try:
        found, token = page(items, request.get("nextToken"), size)
    except InvalidToken as error:
        raise ApiError("InvalidParameterException", "Invalid parameter: nextToken is not one of this list.") from error
    return found, {"nextToken": token} if token else {}
