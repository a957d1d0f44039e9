"""BatchGetImage takes at most 100 identifiers, answers each once, as it was asked, and tells why one failed.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
"""

import re
from typing import Any

from ministack.core.responses import get_account_id, json_response
from ministack.services import ecr
from operations import ApiError, Reply, Request, replace_in_ecr, repository_of
from registry import find_image
from upstream import pinned

_DIGEST = re.compile(r"[a-zA-Z0-9+._-]+:[a-fA-F0-9]{32,}")
_REASONS = {
    "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
    "InvalidImageDigest": "Invalid request parameters: image digest should satisfy the regex",
    "ImageTagDoesNotMatchDigest": "Requested image tag does not match the requested digest",
    "ImageNotFound": "Requested image not found",
}


def restore() -> None:
    pinned(ecr._batch_get_image, "b9c1da9cdc90")
    replace_in_ecr("BatchGetImage", _batch_get_image)


def _batch_get_image(request: Request) -> Reply:
    repository = repository_of(request)
    asked = request.get("imageIds") or []
    if not 1 <= len(asked) <= 100:
        raise ApiError("InvalidParameterException", "Invalid parameter: 1 to 100 imageIds are allowed.")
    images: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for image_id in _distinct(asked):
        if code := _failure_code(repository, image_id):
            failures.append({"imageId": image_id, "failureCode": code, "failureReason": _REASONS[code]})
        else:
            images.append(_image(repository, image_id))
    return json_response({"images": images, "failures": failures})


def _distinct(image_ids: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({(i.get("imageDigest"), i.get("imageTag")): i for i in image_ids}.values())


def _failure_code(repository: str, image_id: dict[str, str]) -> str | None:
    digest = image_id.get("imageDigest")
    if not digest and not image_id.get("imageTag"):
        return "MissingDigestAndTag"
    if digest and not _DIGEST.fullmatch(digest):
        return "InvalidImageDigest"
    if find_image(repository, image_id):
        return None
    known = digest and find_image(repository, {"imageDigest": digest})
    return "ImageTagDoesNotMatchDigest" if known else "ImageNotFound"


def _image(repository: str, image_id: dict[str, str]) -> dict[str, Any]:
    image = find_image(repository, image_id)
    assert image is not None
    return {
        "registryId": get_account_id(),
        "repositoryName": repository,
        "imageId": {**image_id, "imageDigest": image["imageDigest"]},
        "imageManifest": image["imageManifest"],
        "imageManifestMediaType": image["imageManifestMediaType"],
    }
