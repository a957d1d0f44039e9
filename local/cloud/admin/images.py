"""`POST images`: gives an image a past. `POST registries`: the settings of a registry that AWS fixes."""

from typing import Any

from admin import BadRequest
from inspections import InUse, fix_status, tell_use
from instants import instant
from ministack.core.responses import request_scope
from registry import find_image, registry
from scans import record_past_scan


def _give_past(body: dict[str, Any]) -> dict[str, Any]:
    repository, digest = body["repository"], body["digest"]
    with request_scope(body["account"], body["region"]):
        image = find_image(repository, {"imageDigest": digest})
        if image is None:
            raise BadRequest(f"{digest} is not in {repository} of {body['account']} in {body['region']}")
        if "pushedAt" in body:
            image["imagePushedAt"] = instant(body["pushedAt"], "pushedAt")
        if "lastRecordedPullTime" in body:
            image["lastRecordedPullTime"] = instant(body["lastRecordedPullTime"], "lastRecordedPullTime")
        if "archived" in body:
            image["imageStatus"] = "ARCHIVED" if body["archived"] else "ACTIVE"
        if "inspection" in body:
            fix_status(image, (body["inspection"]["status"], body["inspection"]["reason"]))
        if "inUse" in body:
            last_at = body["inUse"].get("lastAt")
            tell_use(image, InUse(body["inUse"].get("count"), last_at and instant(last_at, "lastAt")))
        if "lastScannedAt" in body:
            record_past_scan(repository, image, instant(body["lastScannedAt"], "lastScannedAt"))
    return {}


def _set_registry(body: dict[str, Any]) -> dict[str, Any]:
    with request_scope(body["account"], body["region"]):
        settings = registry()
        if "dailyScanLimit" in body:
            settings.daily_scan_limit = int(body["dailyScanLimit"])
        if "scanMs" in body:
            settings.scan_seconds = float(body["scanMs"]) / 1000
    return {}


ROUTES = {("POST", "images"): _give_past, ("POST", "registries"): _set_registry}
