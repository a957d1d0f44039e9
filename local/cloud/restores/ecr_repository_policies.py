"""The registry's API takes the login that GetAuthorizationToken gave, and asks the policies for each of its requests.

A login acts for the caller to whom it was given, in every registry. The policy of a repository counts as for calls of
ECR's own API, and its deny also binds the root user. A request without a login acts for the root user of the registry's
account, because the tools of the embedded cloud push and pull as that.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_service-with-iam.html
"""

import base64
import binascii
import json
import secrets
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.core.router import extract_access_key_id
from ministack.services import ecr
from service_requests import Reply, Serve, ServiceRequest, around_requests
from upstream import wrap

_API = "AmazonEC2ContainerRegistry"
_VALID_SECONDS = 12 * 3600
_UPLOAD = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
# By what the path of a request names, and its method.
_ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("manifest", "GET"): ("ecr:BatchGetImage",), ("manifest", "HEAD"): ("ecr:BatchGetImage",),
    ("manifest", "PUT"): ("ecr:PutImage",), ("manifest", "DELETE"): ("ecr:BatchDeleteImage",),
    ("blob", "GET"): ("ecr:GetDownloadUrlForLayer",), ("blob", "HEAD"): ("ecr:BatchCheckLayerAvailability",),
    ("blob_uploads", "POST"): _UPLOAD, ("blob_upload_session", "PATCH"): _UPLOAD, ("blob_upload_session", "PUT"): _UPLOAD,
    ("tags_list", "GET"): ("ecr:ListImages",),
}  # fmt: skip

# The access key and the account of each login, and when it ends.
_logins: dict[str, tuple[str, str, float]] = {}


def restore() -> None:
    around_requests(_served)
    wrap(ecr, "handle_registry_request", "8d092cb90854", _registry_request)


async def _served(serve: Serve, request: ServiceRequest) -> Reply:
    target = request.headers.get("x-amz-target", "")
    if not target.startswith(_API):
        return await serve()
    key = extract_access_key_id(request.headers, request.query)
    if denial := _denial_for_root(key, f"ecr:{target.rpartition('.')[2]}", request.body):
        return error_response_json("AccessDeniedException", denial, 400)
    answer = await serve()
    if request.is_for(_API, "GetAuthorizationToken") and answer[0] == 200:
        return _with_login(answer, key or get_account_id())
    return answer


def _denial_for_root(key: str, action: str, body: bytes) -> str | None:
    """Other callers are checked before: ministack lets the root user do everything."""
    if not iam_evaluator.is_root_access_key(key):
        return None
    repository = json.loads(body or b"{}").get("repositoryName")
    return repository_denial(get_account_id(), get_account_id(), action, repository) if repository else None


def _with_login(answer: Reply, key: str) -> Reply:
    password, ends_at = secrets.token_urlsafe(32), time.time() + _VALID_SECONDS
    _logins[password] = (key, get_account_id(), ends_at)
    given = json.loads(answer[2])["authorizationData"][0]
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    return json_response({"authorizationData": [{**given, "authorizationToken": token, "expiresAt": ends_at}]})


async def _registry_request(
    original: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Reply:
    found = ecr._parse_v2_path(path)
    actions = _ACTIONS.get((found[0], method.upper()), ()) if found else ()
    if actions and found:
        lower = {name.lower(): value for name, value in headers.items()}
        ecr._select_registry_request_scope(found[1], lower, query)
        caller = _caller(lower.get("authorization"))
        if caller is None:
            return ecr._registry_error(401, "UNAUTHORIZED", "Your authorization token has expired or is invalid")
        for action in actions:
            if denial := repository_denial(*caller, action, found[1]):
                return ecr._registry_error(403, "DENIED", denial)
    return await original(method, path, headers, body, query)


def _caller(authorization: str | None) -> tuple[str, str] | None:
    """The access key and the account that a request acts for; None for a login that is not valid."""
    if authorization is None:
        return get_account_id(), get_account_id()
    try:
        user, _, password = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    key, account, ends_at = _logins.get(password, ("", "", 0.0))
    return (key, account) if user == "AWS" and ends_at > time.time() else None


def repository_denial(key: str, account: str, action: str, repository: str) -> str | None:
    """None where the caller's policies and the policy of the repository allow the action."""
    resource = f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{repository}"
    principal = iam_evaluator.resolve_principal(key, account)
    if isinstance(principal, AuthError):
        return principal.message
    context = EvalContext(
        principal_arn=principal.arn, principal_type=principal.type, principal_account=principal.account, action=action,
        resource_arn=resource, region=get_region(), principal_keys=principal.keys,
    )  # fmt: skip
    limits = tuple(principal.limits)
    result = EvalResult("Allow")
    if principal.policies is not None:
        result = iam_evaluator.evaluate(context, principal.policies, *limits)
    owned = ecr.repository_policy_for_arn(resource)
    if owned is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *owned, limits=limits)
    if result.decision == "Allow":
        return None
    why = "with an explicit deny" if result.decision == "Deny" else f"because no policy allows the {action} action"
    return f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} {why}"
