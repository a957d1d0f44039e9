"""Amazon Inspector lists its findings in the images that it covers, with their fix, layer, exploit and EPSS score.

ministack makes findings up.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
"""

from typing import Any

from inspections import SUCCESSFUL, LayeredFinding, arn_of, covered_images, finding_arn, findings_of
from inspector_operations import account, matches, of_each_account, one_page, replace_in_inspector
from operations import Request
from registry import Image


def restore() -> None:
    replace_in_inspector("/findings/list", "5dde25a91f0a", _list_findings)


def _list_findings(request: Request) -> dict[str, Any]:
    def rows() -> list[Any]:
        # Findings of an image that is scanned no longer are closed, and deleted soon after.
        return [
            finding_json(repository, image, inspection.scanned_at or 0, finding)
            for repository, image, inspection in covered_images()
            if inspection.status == SUCCESSFUL and matches(request, _values(repository, image))
            for finding in findings_of(repository, image)
        ]

    return one_page(of_each_account(rows), request, name="findings", maximum=100)


def _values(repository: str, image: Image) -> dict[str, str]:
    return {
        "awsAccountId": account(),
        "resourceId": arn_of(repository, image),
        "resourceType": "AWS_ECR_CONTAINER_IMAGE",
        "ecrImageHash": image["imageDigest"],
        "ecrImageRepositoryName": repository,
        "findingStatus": "ACTIVE",
    }


def finding_json(repository: str, image: Image, seen_at: float, layered: LayeredFinding) -> dict[str, Any]:
    """One finding as the API lists it."""
    known = layered.finding.vulnerability
    fix = {"fixedInVersion": known.fixed_in} if known.fixed_in else {"fixedInVersion": "NotAvailable"}
    return {
        "findingArn": finding_arn(repository, image, layered.finding),
        "awsAccountId": account(),
        "type": "PACKAGE_VULNERABILITY",
        "title": f"{known.id} - {known.package}",
        "description": known.description or known.id,
        "severity": "UNTRIAGED" if known.severity == "UNDEFINED" else known.severity,
        "status": "ACTIVE",
        "firstObservedAt": seen_at,
        "lastObservedAt": seen_at,
        "updatedAt": seen_at,
        "fixAvailable": "YES" if known.fixed_in else "NO",
        "exploitAvailable": "NO",
        "epss": {"score": 0.00045},
        "remediation": {"recommendation": {"text": "None Provided"}},
        "packageVulnerabilityDetails": {
            "vulnerabilityId": known.id,
            "source": "NVD",
            **({"sourceUrl": known.uri} if known.uri else {}),
            "vulnerablePackages": [{
                "name": known.package,
                "version": layered.finding.package_version,
                "packageManager": "OS",
                **fix,
                **({"sourceLayerHash": layered.layer} if layered.layer else {}),
            }],
        },
        "resources": [{
            "type": "AWS_ECR_CONTAINER_IMAGE",
            "id": arn_of(repository, image),
            "details": {
                "awsEcrContainerImage": {
                    "repositoryName": repository,
                    "registry": account(),
                    "imageHash": image["imageDigest"],
                    "imageTags": list(image["imageTags"]),
                }
            },
        }],
    }
