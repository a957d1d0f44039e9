"""BatchDeleteImage by tag takes the tag away, and the image with its last one; a child of an index stays.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/delete_image.html
"""

from typing import Any

from ministack.core.responses import json_response
from ministack.services import ecr
from operations import ApiError, Reply, Request, repository_of
from registry import INDEX_MEDIA_TYPES, Image, find_image, images_of, manifest_of
from upstream import wrap


def restore() -> None:
    # In ministack's own place, so that restores that watch deletions see these.
    wrap(ecr, "_batch_delete_image", "65fc8eea2738", lambda _, request: _batch_delete_image(request))


def _batch_delete_image(request: Request) -> Reply:
    repository = repository_of(request)
    asked = request.get("imageIds") or []
    if not 1 <= len(asked) <= 100:
        raise ApiError("InvalidParameterException", "Invalid parameter: 1 to 100 imageIds are allowed.")
    deleted: list[dict[str, str]] = []
    failures: list[dict[str, Any]] = []
    for image_id in asked:
        image = find_image(repository, image_id)
        if image is None:
            failures.append(_failure(image_id, "ImageNotFound", "Requested image not found"))
        elif _is_child(repository, image["imageDigest"]) and _takes_image(image, image_id):
            reason = "Requested image referenced by manifest list"
            failures.append(_failure(image_id, "ImageReferencedByManifestList", reason))
        else:
            deleted += _delete(repository, image, image_id)
    return json_response({"imageIds": deleted, "failures": failures})


def _takes_image(image: Image, image_id: dict[str, str]) -> bool:
    return "imageDigest" in image_id or image["imageTags"] == [image_id["imageTag"]]


def _delete(repository: str, image: Image, image_id: dict[str, str]) -> list[dict[str, str]]:
    """One row per tag that is gone, as in the reply; a row without a tag for an image that had none."""
    digest = image["imageDigest"]
    gone = [image_id["imageTag"]] if "imageTag" in image_id else list(image["imageTags"])
    if _takes_image(image, image_id):
        images_of(repository).remove(image)
        (ecr._manifest_blobs.get(repository) or {}).pop(digest, None)
    else:
        image["imageTags"].remove(image_id["imageTag"])
    return [{"imageDigest": digest, "imageTag": tag} for tag in gone] or [{"imageDigest": digest}]


def _is_child(repository: str, digest: str) -> bool:
    return any(
        child["digest"] == digest
        for image in images_of(repository)
        if image["imageManifestMediaType"] in INDEX_MEDIA_TYPES
        for child in manifest_of(image).get("manifests", [])
    )


def _failure(image_id: dict[str, str], code: str, reason: str) -> dict[str, Any]:
    return {"imageId": image_id, "failureCode": code, "failureReason": reason}
