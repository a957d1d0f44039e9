"""StartImageScan and DescribeImageScanFindings: basic scanning, with its limits, its errors and its event.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from typing import Any

from ministack.core.responses import get_account_id, json_response
from operations import ApiError, Reply, Request, replace_in_ecr, repository_of
from registry import Image, registry, require_image
from request_pages import page_of
from scanner.vulnerabilities import Finding
from scans import Scan, check_may_start, scan_of, start_scan


def restore() -> None:
    replace_in_ecr("StartImageScan", _start_image_scan)
    replace_in_ecr("DescribeImageScanFindings", _describe_image_scan_findings)


def _start_image_scan(request: Request) -> Reply:
    repository = repository_of(request)
    image = require_image(repository, request.get("imageId") or {})
    check_may_start(image)
    scan = start_scan(repository, image)
    return json_response({**_identity(repository, image, request), "imageScanStatus": _status(scan)})


def _describe_image_scan_findings(request: Request) -> Reply:
    repository = repository_of(request)
    image = require_image(repository, request.get("imageId") or {})
    scan = scan_of(image)
    if scan is None or registry().scan_type == "ENHANCED":
        raise ApiError(
            "ScanNotFoundException",
            f"Image scan does not exist for the image with '{image['imageDigest']}' in the repository with name "
            f"'{repository}' in the registry with id '{get_account_id()}'",
        )
    answer = {**_identity(repository, image, request), "imageScanStatus": _status(scan)}
    if scan.status == "COMPLETE":
        findings, token = page_of(list(scan.findings), request, default=100, maximum=1000)
        answer |= token
        answer["imageScanFindings"] = {
            "imageScanCompletedAt": scan.completed_at,
            "vulnerabilitySourceUpdatedAt": scan.source_updated_at,
            "findingSeverityCounts": scan.severity_counts(),
            "findings": [_finding(finding) for finding in findings],
        }
    return json_response(answer)


def _identity(repository: str, image: Image, request: Request) -> dict[str, Any]:
    image_id = {**request["imageId"], "imageDigest": image["imageDigest"]}
    return {"registryId": get_account_id(), "repositoryName": repository, "imageId": image_id}


def _status(scan: Scan) -> dict[str, str]:
    return {"status": scan.status, "description": scan.description} if scan.description else {"status": scan.status}


def _finding(finding: Finding) -> dict[str, Any]:
    known = finding.vulnerability
    # Basic scanning tells neither the version that fixes a vulnerability nor the layer that brought it.
    return {
        "name": known.id,
        "severity": known.severity,
        **({"description": known.description} if known.description else {}),
        **({"uri": known.uri} if known.uri else {}),
        "attributes": [
            {"key": "package_version", "value": finding.package_version},
            {"key": "package_name", "value": known.package},
        ],
    }
