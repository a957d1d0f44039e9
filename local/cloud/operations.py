"""Lets a restore replace or add one operation of the APIs of ECR and ECS."""

import functools
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import ecr, ecs
from upstream import pinned

Request = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]
Operation = Callable[[Request], Reply]


class ApiError(Exception):
    """An error of AWS's API: raised inside an operation, answered with status 400, its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _answer(error: ApiError) -> Reply:
    return error_response_json(error.code, str(error), 400)


_ecr_operations: dict[str, Operation] = {}
AroundEcr = Callable[
    [Callable[[], Awaitable[Reply]], str, dict[str, str], dict[str, Any], bytes], Coroutine[Any, Any, Reply]
]
_around_ecr: AroundEcr | None = None


def around_ecr(handler: AroundEcr) -> None:
    """Puts a handler around every operation of ECR, after the policies of the caller allowed it."""
    global _around_ecr
    ecr.handle_request = _handle_ecr
    _around_ecr = handler


def replace_in_ecr(name: str, operation: Operation) -> None:
    """Serves ECR's operation `name` by a function from the request's JSON object to a reply."""
    if ecr.handle_request is not _handle_ecr:
        ecr.handle_request = _handle_ecr
    _ecr_operations[name] = operation


_upstream_handle_ecr = pinned(ecr.handle_request, "492f992e404d")


@functools.wraps(_upstream_handle_ecr)
async def _handle_ecr(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Reply:
    name = headers.get("x-amz-target", "").rpartition(".")[2]
    operation = _ecr_operations.get(name)

    async def serve() -> Reply:
        if operation is None:
            return await _upstream_handle_ecr(method, path, headers, body, query)
        return operation(json.loads(body or b"{}"))

    try:
        return await (_around_ecr(serve, name, headers, query, body) if _around_ecr else serve())
    except ApiError as error:
        return _answer(error)


def replace_in_ecs(name: str, sha256_prefix: str, change: Callable[[Operation], Operation]) -> None:
    """Serves ECS's operation `name` by `change(the operation so far)`; several restores may change one."""
    so_far = pinned(ecs._ACTION_MAP[name], sha256_prefix)
    operation = change(so_far)

    @functools.wraps(so_far)
    def answer(request: Request) -> Reply:
        try:
            return operation(request)
        except ApiError as error:
            return _answer(error)

    ecs._ACTION_MAP[name] = answer


def json_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply that is no error; an error is raised again as an `ApiError`."""
    status, _, body = reply
    answer = json.loads(body)
    if status != 200:
        raise ApiError(answer.get("__type", "ServerException"), answer.get("message", ""))
    return answer


def repository_of(request: Request) -> str:
    """The request's repository name, once it is known to exist."""
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        raise ApiError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{get_account_id()}'",
        )
    return name
