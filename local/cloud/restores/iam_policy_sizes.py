"""IAM refuses a policy that is too long. White space between the parts of a policy does not count.

A trust policy has at most 2,048 characters, which AWS raises on request; the inline policies of a role together 10,240;
a managed policy 6,144.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
"""

import json
from collections.abc import Iterable
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners
from operations import Reply
from upstream import wrap

_MOST_OF_TRUST = 2_048
_MOST_INLINE = 10_240
_MOST_OF_MANAGED = 6_144

Made = tuple[str, dict[str, Any]]


def restore() -> None:
    wrap(iam, "_create_role", "fef5dffbcd31", _trusting("AssumeRolePolicyDocument"))
    wrap(iam, "_update_assume_role_policy", "2d3f98f08393", _trusting("PolicyDocument"))
    wrap(iam, "_put_role_policy", "30236733ad37", _put_role_policy)
    wrap(iam, "_create_policy", "23fe9fe11f7b", _managed)
    wrap(iam, "_create_policy_version", "660a76c3b114", _managed)
    iam._IAM_HANDLERS.update({
        "CreateRole": iam._create_role,
        "UpdateAssumeRolePolicy": iam._update_assume_role_policy,
        "PutRolePolicy": iam._put_role_policy,
        "CreatePolicy": iam._create_policy,
        "CreatePolicyVersion": iam._create_policy_version,
    })
    wrap(provisioners, "_iam_role_create", "2d7e3d8ec507", _role_from_template)
    wrap(provisioners, "_iam_role_update", "4f4039080dc1", _role_changed)
    wrap(provisioners, "_iam_managed_policy_create", "f0ee79c5a357", _managed_from_template)
    roles = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    roles["create"], roles["update"] = provisioners._iam_role_create, provisioners._iam_role_update
    provisioners._RESOURCE_HANDLERS["AWS::IAM::ManagedPolicy"]["create"] = provisioners._iam_managed_policy_create


def _size(document: Any) -> int:
    """Characters without white space between the parts. Text that is no JSON is refused by IAM for what it is."""
    try:
        parsed = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return 0
    return len(json.dumps(parsed, separators=(",", ":"), ensure_ascii=False))


def _too_long_trust(document: Any) -> str | None:
    return f"Cannot exceed quota for ACLSizePerRole: {_MOST_OF_TRUST}" if _size(document) > _MOST_OF_TRUST else None


def _too_long_inline(role: str, documents: Iterable[Any]) -> str | None:
    longest = sum(_size(document) for document in documents) > _MOST_INLINE
    return f"Maximum policy size of {_MOST_INLINE} bytes exceeded for role {role}" if longest else None


def _too_long_managed(document: Any) -> str | None:
    return f"Cannot exceed quota for PolicySize: {_MOST_OF_MANAGED}" if _size(document) > _MOST_OF_MANAGED else None


def _answer(refused: str | None, original: Any, request: dict[str, Any]) -> Reply:
    reply: Reply = iam._error(409, "LimitExceeded", refused) if refused else original(request)
    return reply


def _trusting(document: str) -> Any:
    def checked(original: Any, request: dict[str, Any]) -> Reply:
        return _answer(_too_long_trust(iam._p(request, document)), original, request)

    return checked


def _put_role_policy(original: Any, request: dict[str, Any]) -> Reply:
    name, policy = iam._p(request, "RoleName"), iam._p(request, "PolicyName")
    others = (iam._roles.get(name) or {}).get("InlinePolicies", {})
    documents = {**others, policy: iam._p(request, "PolicyDocument")}
    return _answer(_too_long_inline(name, documents.values()), original, request)


def _managed(original: Any, request: dict[str, Any]) -> Reply:
    return _answer(_too_long_managed(iam._p(request, "PolicyDocument")), original, request)


def _refuse(*reasons: str | None) -> None:
    for reason in reasons:
        if reason:
            raise ValueError(reason)


def _check_role(properties: dict[str, Any], name: str) -> None:
    inline = [policy.get("PolicyDocument") for policy in properties.get("Policies", [])]
    _refuse(_too_long_trust(properties.get("AssumeRolePolicyDocument")), _too_long_inline(name, inline))


def _role_from_template(original: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Made:
    _check_role(properties, properties.get("RoleName") or logical_id)
    made: Made = original(logical_id, properties, stack)
    return made


def _role_changed(
    original: Any, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, *rest: Any, **named: Any
) -> Made:
    _check_role(new, physical_id)
    made: Made = original(physical_id, old, new, stack, *rest, **named)
    return made


def _managed_from_template(original: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Made:
    _refuse(_too_long_managed(properties.get("PolicyDocument")))
    made: Made = original(logical_id, properties, stack)
    return made
