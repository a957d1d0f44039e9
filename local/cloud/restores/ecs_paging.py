"""ListClusters and ListServices answer in pages; descriptions take no more than they may be asked for.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
"""

from collections.abc import Callable

from ministack.core.responses import json_response
from operations import ApiError, Operation, Reply, Request, json_of, replace_in_ecs
from request_pages import page_of

# More than any account has: upstream must not cut a list that is paged here.
_ALL = 10**9


def restore() -> None:
    replace_in_ecs("ListClusters", "84a0f05604a1", _paged("clusterArns", default=100))
    replace_in_ecs("ListServices", "af561cbddaf2", _paged("serviceArns", default=10))
    replace_in_ecs("DescribeTasks", "c7057f1f0679", _at_most("tasks", 100))
    replace_in_ecs("DescribeServices", "f9e11ac2be56", _at_most("services", 10))


def _paged(member: str, *, default: int) -> Callable[[Operation], Operation]:
    def change(so_far: Operation) -> Operation:
        def operation(request: Request) -> Reply:
            unpaged = {name: value for name, value in request.items() if name != "nextToken"}
            found = json_of(so_far({**unpaged, "maxResults": _ALL}))[member]
            items, token = page_of(found, request, default=default, maximum=100)
            return json_response({member: items, **token})

        return operation

    return change


def _at_most(member: str, limit: int) -> Callable[[Operation], Operation]:
    def change(so_far: Operation) -> Operation:
        def operation(request: Request) -> Reply:
            if not 1 <= len(request.get(member) or []) <= limit:
                raise ApiError("InvalidParameterException", f"{member.capitalize()} must have 1 to {limit} entries.")
            return so_far(request)

        return operation

    return change
