"""ListSchedules answers in pages of at most 100.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import scheduler
from paging import InvalidToken, page
from upstream import wrap

Reply = tuple[int, dict[str, str], bytes]

_LARGEST_PAGE = 100
# More than any account has: upstream must not cut a list that is paged here.
_ALL = str(10**9)


def restore() -> None:
    wrap(scheduler, "_list_schedules", "6c639f3d0250", _paged)


def _paged(so_far: Callable[[dict[str, Any]], Reply], query: dict[str, Any]) -> Reply:
    reply = so_far({**query, "MaxResults": _ALL})
    if reply[0] != 200:
        return reply
    size = str(query.get("MaxResults", _LARGEST_PAGE))
    if not (size.isdecimal() and 1 <= int(size) <= _LARGEST_PAGE):
        return scheduler._error(400, "ValidationException", f"MaxResults must be 1 to {_LARGEST_PAGE}, not {size}.")
    try:
        schedules, token = page(json.loads(reply[2])["Schedules"], query.get("NextToken"), int(size))
    except InvalidToken as error:
        return scheduler._error(400, "ValidationException", str(error))
    return scheduler._json_resp(200, {"Schedules": schedules, **({"NextToken": token} if token else {})})
