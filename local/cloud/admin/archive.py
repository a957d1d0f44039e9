"""`PUT archive`: what package archives offer beside the fixes of vulnerabilities. `POST archive/newest`: what is newest."""

from typing import Any

import archive
from admin import BadRequest


def _replace(body: dict[str, Any]) -> dict[str, Any]:
    versions = [(each["package"], each.get("distribution"), each["version"]) for each in body["packages"]]
    archive.use(versions)
    return {"offered": len(versions)}


def _newest(body: dict[str, Any]) -> dict[str, Any]:
    if body["distribution"] not in archive.MANAGERS:
        raise BadRequest(f"distribution must be one of {', '.join(archive.MANAGERS)}, not {body['distribution']!r}")
    return {"packages": archive.newest(body["distribution"], body["packages"])}


ROUTES = {("PUT", "archive"): _replace, ("POST", "archive/newest"): _newest}
