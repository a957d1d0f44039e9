"""aws:PrincipalOrgID and aws:ResourceOrgID are the organizations of the caller's account and of the resource's.

Both hold in trust policies, identity policies and resource policies alike. An account outside of any organization
has none, so no condition on it is met.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceorgid
"""

from typing import Any

from ministack.core import iam_evaluator
from organization import organization_of
from rewrite import rewrite
from upstream import pinned


def restore() -> None:
    pinned(iam_evaluator._principal_org_id, "a582df4ff025")
    iam_evaluator._principal_org_id = _principal_org_id
    iam_evaluator._resource_org_id = _resource_org_id
    rewrite(
        iam_evaluator,
        "_resolve_condition_key",
        (
            '    if k == "aws:principalorgid":\n',
            '    if k == "aws:resourceorgid":\n        return _resource_org_id(ctx)\n    if k == "aws:principalorgid":\n',
        ),
    )


def _principal_org_id(account: str) -> str | None:
    organization = organization_of(account)
    return organization.id if organization else None


def _resource_org_id(context: Any) -> str | None:
    owner = iam_evaluator._account_from_arn(context.resource_arn) or context.principal_account
    return _principal_org_id(owner)
