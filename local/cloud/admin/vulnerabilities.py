"""`PUT vulnerabilities`: the scanner's list of what is known, for every account and Region."""

from typing import Any

from admin import BadRequest
from scanner import vulnerabilities
from scanner.vulnerabilities import SEVERITIES, Vulnerability


def _replace(body: dict[str, Any]) -> dict[str, Any]:
    listed = [_vulnerability(entry, index) for index, entry in enumerate(body["vulnerabilities"])]
    vulnerabilities.use(listed)
    return {"known": len(listed)}


def _vulnerability(entry: dict[str, Any], index: int) -> Vulnerability:
    for name in ("id", "package", "severity"):
        if not entry.get(name):
            raise BadRequest(f"vulnerabilities[{index}].{name} is missing")
    if entry["severity"] not in SEVERITIES:
        raise BadRequest(f"vulnerabilities[{index}].severity must be one of {', '.join(SEVERITIES)}")
    return Vulnerability(
        id=entry["id"],
        package=entry["package"],
        severity=entry["severity"],
        fixed_in=entry.get("fixedIn"),
        distribution=entry.get("distribution"),
        description=entry.get("description", ""),
        uri=entry.get("uri", ""),
    )


ROUTES = {("PUT", "vulnerabilities"): _replace}
