"""Amazon Inspector tells EventBridge of the first scan of an image, and of each finding.

https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
"""

import time
from collections import Counter

from events import publish
from inspections import Inspection, arn_of, findings_of, on_first_scan
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecr
from registry import Image
from restores.inspector_findings import finding_json


def restore() -> None:
    on_first_scan(_tell)


def _tell(repository: str, image: Image, inspection: Inspection) -> None:
    account, region = get_account_id(), get_region()
    findings = findings_of(repository, image)
    counts = Counter(layered.finding.vulnerability.severity for layered in findings)
    scan = {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        "repository-name": ecr._repo_arn(repository),
        "finding-severity-counts": {**counts, "TOTAL": len(findings)},
        "image-digest": image["imageDigest"],
        "image-tags": list(image["imageTags"]),
        "version": "1.0",
    }
    publish("aws.inspector2", "Inspector2 Scan", [ecr._repo_arn(repository)], scan, account, region)
    seen_at = inspection.scanned_at or 0
    for layered in findings:
        detail = finding_json(repository, image, seen_at, layered)
        for name in ("firstObservedAt", "lastObservedAt", "updatedAt"):
            detail[name] = _in_words(seen_at)
        publish("aws.inspector2", "Inspector2 Finding", [arn_of(repository, image)], detail, account, region)


def _in_words(at: float) -> str:
    """As the events have it: `Tue Nov 24 16:55:38.411 UTC 2026`."""
    milliseconds = f"{int(at * 1000) % 1000:03d}"
    return time.strftime(f"%a %b %d %H:%M:%S.{milliseconds} UTC %Y", time.gmtime(at))
