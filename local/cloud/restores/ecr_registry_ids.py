"""A call that names another registry (`registryId`) is about the repositories there, whose policies must allow the caller.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, set_request_account_id
from ministack.core.router import extract_access_key_id
from operations import Reply, around_ecr
from restores.ecr_repository_policies import repository_denial


def restore() -> None:
    around_ecr(_in_registry)


async def _in_registry(
    serve: Callable[[], Awaitable[Reply]], operation: str, headers: dict[str, str], query: dict[str, Any], body: bytes
) -> Reply:
    try:
        request = json.loads(body or b"{}")
    except json.JSONDecodeError:
        return await serve()
    caller = get_account_id()
    registry = request.get("registryId") or caller
    if registry == caller:
        return await serve()
    key = extract_access_key_id(headers, query) or caller
    names = request.get("repositoryNames") or [request.get("repositoryName")]
    set_request_account_id(registry)
    try:
        for name in names:
            # Without a name the call is about the whole registry, and no policy of a repository allows that.
            denial = repository_denial(key, caller, f"ecr:{operation}", name) if name else _OF_REGISTRY
            if denial:
                return error_response_json("AccessDeniedException", denial, 400)
        return await serve()
    finally:
        set_request_account_id(caller)


_OF_REGISTRY = "No policy allows this on every repository of a registry of another account"
