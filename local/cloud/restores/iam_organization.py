"""aws:PrincipalOrgID is the organization that the caller's account is a member of.

Holds in trust policies, identity policies and resource policies alike.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid
"""

from ministack.core import iam_evaluator
from organization import organization_of
from upstream import pinned


def restore() -> None:
    pinned(iam_evaluator._principal_org_id, "a582df4ff025")
    iam_evaluator._principal_org_id = _principal_org_id


def _principal_org_id(account: str) -> str | None:
    organization = organization_of(account)
    return organization.id if organization else None
