"""The scanning configuration of a registry, and the scan on push that it or a repository asks for.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryScanningConfiguration.html
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from ministack.core.responses import get_account_id, json_response
from ministack.services import ecr
from operations import ApiError, Reply, Request, replace_in_ecr
from pushes import on_push
from registry import Image, registry
from scans import check_may_start, start_scan

_FREQUENCIES = {"BASIC": ("SCAN_ON_PUSH",), "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")}


def restore() -> None:
    replace_in_ecr("GetRegistryScanningConfiguration", _get)
    replace_in_ecr("PutRegistryScanningConfiguration", _put)
    replace_in_ecr("BatchGetRepositoryScanningConfiguration", _batch_get)
    on_push(_scan_on_push)


# Called after a change, in the account and Region of the registry.
_listeners: list[Callable[[], None]] = []


def on_configuration(listener: Callable[[], None]) -> None:
    _listeners.append(listener)


def _configuration() -> dict[str, Any]:
    return {"scanType": registry().scan_type, "rules": registry().rules}


def _get(_: Request) -> Reply:
    return json_response({"registryId": get_account_id(), "scanningConfiguration": _configuration()})


def _put(request: Request) -> Reply:
    scan_type = request.get("scanType") or registry().scan_type
    rules = request.get("rules") or []
    if scan_type not in _FREQUENCIES:
        raise ApiError("InvalidParameterException", f"Invalid parameter: scanType '{scan_type}' is not a scan type.")
    if len(rules) > 2:
        raise ApiError("InvalidParameterException", "Invalid parameter: at most 2 rules are allowed.")
    for rule in rules:
        if rule["scanFrequency"] not in _FREQUENCIES[scan_type]:
            raise ApiError(
                "InvalidParameterException",
                f"Invalid parameter: scanFrequency '{rule['scanFrequency']}' is not allowed for {scan_type} scanning.",
            )
    registry().scan_type, registry().rules = scan_type, rules
    for listener in _listeners:
        listener()
    return json_response({"registryScanningConfiguration": _configuration()})


def _batch_get(request: Request) -> Reply:
    names = request.get("repositoryNames") or []
    if not 1 <= len(names) <= 25:
        raise ApiError("InvalidParameterException", "Invalid parameter: 1 to 25 repositoryNames are allowed.")
    return json_response({
        "scanningConfigurations": [_repository_configuration(name) for name in names if name in ecr._repositories],
        "failures": [
            {
                "repositoryName": name,
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": f"The repository with name '{name}' does not exist",
            }
            for name in names
            if name not in ecr._repositories
        ],
    })


def _repository_configuration(name: str) -> dict[str, Any]:
    frequency, filters = _applied(name)
    return {
        "repositoryArn": ecr._repositories[name]["repositoryArn"],
        "repositoryName": name,
        "scanOnPush": frequency == "SCAN_ON_PUSH",
        "scanFrequency": frequency,
        "appliedScanFilters": filters,
    }


def applied_frequency(repository: str) -> str:
    """The scan frequency of a repository: `MANUAL` where no rule fits."""
    return _applied(repository)[0]


def _applied(repository: str) -> tuple[str, list[dict[str, str]]]:
    """The scan frequency of a repository, and the filters of the registry's rule that chose it."""
    # Continuous scanning applies where both rules of enhanced scanning fit.
    for rule in sorted(registry().rules, key=lambda rule: rule["scanFrequency"] != "CONTINUOUS_SCAN"):
        matching = [f for f in rule.get("repositoryFilters", []) if _fits(f["filter"], repository)]
        if matching:
            return rule["scanFrequency"], matching
    own = ecr._repositories[repository].get("imageScanningConfiguration") or {}
    on_push_by_itself = own.get("scanOnPush") and registry().scan_type == "BASIC"
    return ("SCAN_ON_PUSH" if on_push_by_itself else "MANUAL"), []


def _fits(pattern: str, repository: str) -> bool:
    """A filter without `*` fits each name that contains it."""
    return fnmatchcase(repository, pattern) if "*" in pattern else pattern in repository


def _scan_on_push(repository: str, image: Image, _: str | None) -> None:
    if registry().scan_type != "BASIC" or _applied(repository)[0] != "SCAN_ON_PUSH":
        return
    try:
        check_may_start(image)
    except ApiError:
        # ECR does not refuse a push because the image cannot be scanned, or was within the last day.
        return
    start_scan(repository, image)
