"""ListClusters and ListAccessEntries answer in pages of at most 100.

https://docs.aws.amazon.com/eks/latest/APIReference/API_ListClusters.html
https://docs.aws.amazon.com/eks/latest/APIReference/API_ListAccessEntries.html
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import eks
from paging import InvalidToken, page
from upstream import wrap

Reply = tuple[int, dict[str, str], bytes]

_LARGEST_PAGE = 100
# More than any account has: upstream must not cut a list that is paged here.
_ALL = str(10**9)


def restore() -> None:
    wrap(eks, "_list_clusters", "e9edcb43d2f6", lambda so_far, query: _paged("clusters", so_far, query))
    wrap(
        eks, "_list_access_entries", "ac159e7a614f",
        lambda so_far, cluster, query: _paged("accessEntries", lambda all_: so_far(cluster, all_), query),
    )  # fmt: skip


def _paged(member: str, so_far: Callable[[dict[str, Any]], Reply], query: dict[str, Any]) -> Reply:
    reply = so_far({**query, "maxResults": _ALL})
    if reply[0] != 200:
        return reply
    size = str(query.get("maxResults", _LARGEST_PAGE))
    if not (size.isdecimal() and 1 <= int(size) <= _LARGEST_PAGE):
        return eks._error(400, "InvalidParameterException", f"maxResults must be 1 to {_LARGEST_PAGE}, not {size}.")
    try:
        items, token = page(json.loads(reply[2])[member], query.get("nextToken"), int(size))
    except InvalidToken as error:
        return eks._error(400, "InvalidParameterException", str(error))
    return eks._json_resp(200, {member: items, **({"nextToken": token} if token else {})})
