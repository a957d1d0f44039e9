"""Whether an AWS service that acts under a role, or under its own name, may make a call."""

import hashlib
import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, EvalResult
from ministack.core.responses import get_region
from ministack.services import iam, sts

_SESSION = "patchwave"


def denial_for_role(
    role_arn: str, service: str, action: str, resource: str, context: dict[str, Any] | None = None
) -> str | None:
    """None when `service` (`states.amazonaws.com`) may take the role and the role may do `action` on `resource`.

    Otherwise the message of AWS's refusal. `context` holds condition keys in lower case. Counts are
    the role's policies, its permissions boundary and the policy of the resource.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if role is None:
        return f"The role {role_arn} does not exist"
    principal = session_arn(role_arn)
    evaluation = EvalContext(
        principal_arn=principal, principal_type="AssumedRole", principal_account=account, action=action,
        resource_arn=resource, region=get_region(), secure_transport=True, service_context=dict(context or {}),
    )  # fmt: skip
    if not _trusts(role.get("AssumeRolePolicyDocument"), service, evaluation):
        return f"{service} is not authorized to assume the role {role_arn}"
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    result = iam_evaluator.evaluate(evaluation, iam_evaluator._gather_role_policies(name, account), *limits)
    owned = iam_evaluator._resource_policy(action.split(":", 1)[0], resource)
    if owned is not None:
        result = iam_evaluator.combine_resource_policy(result, evaluation, *owned, limits=tuple(limits))
    return None if result.decision == "Allow" else _message(principal, action, resource, result)


def denial_for_service(service: str, action: str, resource: str, policy: Any, context: dict[str, Any]) -> str | None:
    """None when the resource's own policy lets the service principal do `action`."""
    evaluation = EvalContext(
        principal_arn=service, principal_type="AWSService", principal_account="", action=action,
        resource_arn=resource, region=get_region(), service_context=dict(context),
    )  # fmt: skip
    result = iam_evaluator.evaluate_resource_policy(policy, evaluation, service=service)
    return None if result.decision == "Allow" else _message(service, action, resource, result)


class UntrustedRole(Exception):
    """A service may not take a role; the message says why."""


def service_session(role_arn: str, service: str, context: dict[str, Any]) -> dict[str, str]:
    """Credentials of a session of the role, in the hands of `service`; it has the same ones each time."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    arn = session_arn(role_arn)
    evaluation = EvalContext(
        principal_arn=arn, principal_type="AssumedRole", principal_account=account, action="sts:AssumeRole",
        resource_arn=role_arn, region=get_region(), service_context=dict(context),
    )  # fmt: skip
    if role is None or not _trusts(role.get("AssumeRolePolicyDocument"), service, evaluation):
        raise UntrustedRole(f"{service} is not authorized to perform: sts:AssumeRole on {role_arn}")
    digest = hashlib.sha256(f"{service}:{role_arn}".encode()).hexdigest()
    given = {
        "accessKeyId": f"ASIA{digest[:16].upper()}",
        "secretAccessKey": hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        "sessionToken": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    }
    sts.register_session(given["accessKeyId"], {
        "Arn": arn, "UserId": f"{name}:{_SESSION}", "AccountId": account,
        "SecretAccessKey": given["secretAccessKey"], "SessionToken": given["sessionToken"],
    })  # fmt: skip
    return given


def session_arn(role_arn: str) -> str:
    """The principal that a service is while it acts under the role."""
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    return f"arn:{partition}:sts::{account}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{_SESSION}"


def _trusts(document: Any, service: str, evaluation: EvalContext) -> bool:
    if isinstance(document, str):
        document = json.loads(document)
    statements = (document or {}).get("Statement", [])
    return any(
        statement.get("Effect") == "Allow"
        and iam_evaluator._service_principal_matches(statement.get("Principal"), service)
        and iam_evaluator._conditions_met(statement.get("Condition", {}), evaluation)
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )


def _message(principal: str, action: str, resource: str, result: EvalResult) -> str:
    why = "with an explicit deny" if result.decision == "Deny" else f"because no policy allows the {action} action"
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource} {why}"
