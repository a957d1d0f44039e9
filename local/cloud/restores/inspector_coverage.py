"""Amazon Inspector covers the images of a registry with enhanced scanning, by the rules of the registry, and lists them.

Of each it tells how many tasks and pods use it, and when one did last.

ministack lists resources that no registry holds.

https://docs.aws.amazon.com/inspector/latest/user/scanning-ecr.html
https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html
https://docs.aws.amazon.com/inspector/v2/APIReference/API_EcrContainerImageMetadata.html
"""

from typing import Any

from inspections import InUse, Inspection, arn_of, cover, cover_existing, covered_images, uses_in_tasks
from inspector_operations import account, matches, of_each_account, one_page, replace_in_inspector
from operations import Request
from pushes import on_push
from registry import Image, registry
from restores.ecr_scanning_configuration import applied_frequency, on_configuration


def restore() -> None:
    on_push(_cover)
    on_configuration(_activate)
    replace_in_inspector("/coverage/list", "a20eef12c7ea", _list_coverage)


def _cover(repository: str, image: Image, _: str | None) -> None:
    if registry().scan_type == "ENHANCED" and "_inspection" not in image:
        cover(repository, image)


def _activate() -> None:
    if registry().scan_type == "ENHANCED":
        cover_existing()


def _list_coverage(request: Request) -> dict[str, Any]:
    def rows() -> list[Any]:
        uses = uses_in_tasks()
        return [
            _covered(repository, image, inspection, image.get("_in_use") or uses.get(image["imageDigest"]))
            for repository, image, inspection in covered_images()
            if matches(request, _values(repository, image, inspection))
        ]

    return one_page(of_each_account(rows), request, name="coveredResources", maximum=200)


def _values(repository: str, image: Image, inspection: Inspection) -> dict[str, str]:
    status, reason = inspection.status
    return {
        "accountId": account(),
        "resourceId": arn_of(repository, image),
        "resourceType": "AWS_ECR_CONTAINER_IMAGE",
        "ecrRepositoryName": repository,
        "scanStatusCode": status,
        "scanStatusReason": reason,
    }


def _covered(repository: str, image: Image, inspection: Inspection, use: InUse | None) -> dict[str, Any]:
    status, reason = inspection.status
    return {
        "resourceType": "AWS_ECR_CONTAINER_IMAGE",
        "resourceId": arn_of(repository, image),
        "accountId": account(),
        "scanType": "PACKAGE",
        "scanStatus": {"statusCode": status, "reason": reason},
        "resourceMetadata": {
            "ecrRepository": {"name": repository, "scanFrequency": applied_frequency(repository)},
            "ecrImage": {"tags": list(image["imageTags"]), **_told(use)},
        },
        **({} if inspection.scanned_at is None else {"lastScannedAt": inspection.scanned_at}),
    }


def _told(use: InUse | None) -> dict[str, Any]:
    if use is None:
        return {}
    told = {"inUseCount": use.count, "lastInUseAt": use.last_at}
    return {name: value for name, value in told.items() if value is not None}
