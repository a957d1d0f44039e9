"""In a registry with enhanced scanning, findings are read with the caller's rights on Amazon Inspector too.

ECR asks Inspector in the caller's name. AWS's refusal names the action of Inspector that is missing. The guide lists the
three actions for whoever uses enhanced scanning; it does not say which of them DescribeImageScanFindings asks for, so
all three are asked for here.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-iam.html
https://github.com/alexjurkiewicz/ecr-scan-image/issues/19
"""

from collections.abc import Awaitable, Callable
from typing import Any

import ministack.app as ministack_app
from registry import registry
from upstream import wrap

Reply = tuple[int, dict[str, str], Any]

_ACTIONS = ("inspector2:ListFindings", "inspector2:ListCoverage", "inspector2:ListAccountPermissions")


def restore() -> None:
    wrap(ministack_app, "_dispatch_service_request", "17e5ef6dcfa0", _checked)


async def _checked(
    dispatch: Callable[..., Awaitable[Reply]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
    request_id: str,
) -> Reply:
    target = headers.get("x-amz-target", "")
    is_reading = target.startswith("AmazonEC2ContainerRegistry") and target.endswith(".DescribeImageScanFindings")
    if is_reading and registry().scan_type == "ENHANCED":
        for action in _ACTIONS:
            denied = ministack_app._enforce_data_plane("ecr", action, headers, query, request_id, resource_arn="*")
            if denied:
                return denied
    return await dispatch(method, path, headers, body, query, request_id)
