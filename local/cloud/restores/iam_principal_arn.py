"""aws:PrincipalArn of a role's session is the ARN of the role, with its path; not the ARN of the session.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
"""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam
from rewrite import rewrite


def restore() -> None:
    iam_evaluator._principal_arn_key = _principal_arn_key
    rewrite(
        iam_evaluator,
        "_resolve_condition_key",
        ("        return ctx.principal_arn\n", "        return _principal_arn_key(ctx)\n"),
    )


def _principal_arn_key(context: Any) -> str:
    arn: str = context.principal_arn
    kind, _, rest = arn.split(":", 5)[-1].partition("/")
    if kind != "assumed-role":
        return arn
    role = iam._roles.get_scoped(context.principal_account, None, rest.split("/", 1)[0])
    return role["Arn"] if role else arn
