"""Lambda publishes no version of a function whose code and configuration are those of its latest version.

An update that leaves both as they are is no change, and neither is a new tag of the function. Where a template makes a
version after it, CloudFormation says that the version exists, and rolls the stack back.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners
from operations import Reply
from upstream import wrap

# What differs between a version and the function that it was made of, and what each update stamps.
_OWN = frozenset({
    "FunctionArn", "LastModified", "LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode",
    "RevisionId", "State", "StateReason", "StateReasonCode", "Version",
})  # fmt: skip


def restore() -> None:
    wrap(lambda_svc, "_publish_version", "3bc240a8db5d", _publish)
    wrap(provisioners, "_lambda_version_create", "ebc8be0ef787", _create)
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Version"]["create"] = provisioners._lambda_version_create


def _publish(original: Any, name: str, data: dict[str, Any]) -> Reply:
    _know_latest(lambda_svc._functions.get(name))
    reply: Reply = original(name, data)
    return reply


def _create(original: Any, logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    _know_latest(provisioners._lambda_version_function(properties)[0])
    made: tuple[str, dict[str, Any]] = original(logical_id, properties, stack)
    return made


def _know_latest(function: dict[str, Any] | None) -> None:
    """Ministack compares revisions, and each update makes one: gives the latest version that of equal content."""
    latest = max((function or {}).get("versions", {}), key=int, default=None)
    if function is None or latest is None:
        return
    version = function["versions"][latest]
    if _content(version["config"]) == _content(function["config"]):
        version["function_revision"] = function["config"]["RevisionId"]


def _content(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _OWN}
