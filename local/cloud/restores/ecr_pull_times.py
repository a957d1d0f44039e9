"""A role that pulls an image renews its pull time, unless the registry excludes the role from that.

Which calls are a pull is documented nowhere; here reading a manifest is one, the worst case for a rule that counts
from the last pull. The tools of the embedded cloud call as the root user of an account, and no pull of that user is
recorded: their builds and reads would hide the pulls of roles.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html
"""

import json
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import json_response
from ministack.services import iam
from operations import ApiError, Reply, Request, replace_in_ecr
from registry import find_image, registry
from service_requests import Reply as ServiceReply
from service_requests import Serve, ServiceRequest, around_requests

_MOST_EXCLUSIONS = 100


def restore() -> None:
    replace_in_ecr("RegisterPullTimeUpdateExclusion", _register)
    replace_in_ecr("DeregisterPullTimeUpdateExclusion", _deregister)
    replace_in_ecr("ListPullTimeUpdateExclusions", _list)
    around_requests(_watched)


def _register(request: Request) -> Reply:
    principal, excluded = request["principalArn"], registry().pull_exclusions
    if principal in excluded:
        raise ApiError("ExclusionAlreadyExistsException", f"The exclusion of {principal} already exists.")
    if len(excluded) >= _MOST_EXCLUSIONS:
        raise ApiError("LimitExceededException", f"A registry has at most {_MOST_EXCLUSIONS} exclusions.")
    excluded[principal] = time.time()
    return json_response({"principalArn": principal, "createdAt": excluded[principal]})


def _deregister(request: Request) -> Reply:
    principal, excluded = request["principalArn"], registry().pull_exclusions
    if principal not in excluded:
        raise ApiError("ExclusionNotFoundException", f"There is no exclusion of {principal}.")
    del excluded[principal]
    return json_response({"principalArn": principal})


def _list(_request: Request) -> Reply:
    return json_response({"pullTimeUpdateExclusions": sorted(registry().pull_exclusions)})


async def _watched(serve: Serve, request: ServiceRequest) -> ServiceReply:
    answer = await serve()
    if request.is_for("AmazonEC2ContainerRegistry", "BatchGetImage") and answer[0] == 200:
        role = _role_of(iam_evaluator.request_caller_arn(request.headers, request.query))
        if role is not None and role not in registry().pull_exclusions:
            _record(json.loads(request.body or b"{}").get("repositoryName", ""), json.loads(answer[2]).get("images", []))
    return answer


def _role_of(caller: str) -> str | None:
    """The ARN of the role whose session calls; None for any other caller."""
    account, resource = caller.split(":")[4], caller.split(":", 5)[-1]
    if not resource.startswith("assumed-role/"):
        return None
    role = iam._roles.get_scoped(account, None, resource.split("/")[1])
    return role["Arn"] if role else None


def _record(repository: str, images: list[dict[str, Any]]) -> None:
    for read in images:
        image = find_image(repository, {"imageDigest": read["imageId"]["imageDigest"]})
        if image is not None:
            image["lastRecordedPullTime"] = time.time()
