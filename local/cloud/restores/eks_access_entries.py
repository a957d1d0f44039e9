"""An access entry of a role has a username from its session, unless it is given another one.

https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
https://github.com/kubernetes-sigs/aws-iam-authenticator#full-configuration-format (the placeholders)
"""

from typing import Any

from ministack.services import eks
from upstream import wrap


def restore() -> None:
    wrap(eks, "_build_access_entry", "1cf209fa1df9", _building)
    wrap(eks, "_access_entry_for_principal", "2941974b6068", _finding)


def _building(build: Any, cluster_name: str, principal_arn: str, body: dict[str, Any]) -> dict[str, Any]:
    entry = build(cluster_name, principal_arn, body)
    return {**entry, "username": entry["username"] or _username_of(principal_arn)}


def _username_of(principal_arn: str) -> str:
    prefix, separator, path = principal_arn.partition(":role/")
    if not separator:
        return principal_arn
    role = path.rpartition("/")[2]
    return f"{prefix.replace(':iam:', ':sts:')}:assumed-role/{role}/{{{{SessionName}}}}"


def _finding(find: Any, cluster_name: str, account: str, region: str, principal_arn: str) -> dict[str, Any] | None:
    entry = find(cluster_name, account, region, principal_arn)
    if entry is None:
        return None
    session = principal_arn.rpartition("/")[2]
    username = (
        entry["username"]
        .replace("{{SessionName}}", session.replace("@", "-"))
        .replace("{{SessionNameRaw}}", session)
        .replace("{{AccountID}}", principal_arn.split(":")[4])
    )
    return {**entry, "username": username}
