"""ListImages, DescribeImages and DescribeRepositories answer in pages, with their filters and errors.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
"""

from typing import Any

from ministack.core.responses import get_account_id, json_response
from ministack.services import ecr
from operations import ApiError, Reply, Request, replace_in_ecr, repository_of
from registry import INDEX_MEDIA_TYPES, Image, images_of, manifest_of, require_image
from request_pages import page_of
from upstream import pinned


def restore() -> None:
    pinned(ecr._list_images, "ee72ee16d753")
    pinned(ecr._describe_images, "86c7f7b273ab")
    pinned(ecr._describe_repositories, "d6a964459e41")
    replace_in_ecr("ListImages", _list_images)
    replace_in_ecr("DescribeImages", _describe_images)
    replace_in_ecr("DescribeRepositories", _describe_repositories)


def _list_images(request: Request) -> Reply:
    """One row per tag; an image whose last tag moved away has one row without."""
    repository = repository_of(request)
    rows: list[dict[str, str]] = []
    for image in _filtered(images_of(repository), request.get("filter") or {}):
        digest = image["imageDigest"]
        rows += [{"imageDigest": digest, "imageTag": tag} for tag in image["imageTags"]] or [{"imageDigest": digest}]
    rows, token = page_of(rows, request, default=100, maximum=1000)
    return json_response({"imageIds": rows, **token})


def _describe_images(request: Request) -> Reply:
    repository = repository_of(request)
    image_ids = request.get("imageIds")
    if image_ids is None:
        images, token = page_of(
            _filtered(images_of(repository), request.get("filter") or {}), request, default=100, maximum=1000
        )
    else:
        if not 1 <= len(image_ids) <= 100:
            raise ApiError("InvalidParameterException", "Invalid parameter: 1 to 100 imageIds are allowed.")
        found = [require_image(repository, image_id) for image_id in image_ids]
        images, token = list({image["imageDigest"]: image for image in found}.values()), {}
    return json_response({"imageDetails": [_detail(repository, image) for image in images], **token})


def _filtered(images: list[Image], wanted: dict[str, str]) -> list[Image]:
    tag_status = wanted.get("tagStatus", "ANY")
    image_status = wanted.get("imageStatus", "ACTIVE")
    return [
        image
        for image in images
        if tag_status in ("ANY", "TAGGED" if image["imageTags"] else "UNTAGGED")
        and image_status in ("ANY", image.get("imageStatus", "ACTIVE"))
    ]


def _detail(repository: str, image: Image) -> dict[str, Any]:
    manifest = manifest_of(image)
    is_index = image["imageManifestMediaType"] in INDEX_MEDIA_TYPES
    optional = {
        "imageTags": list(image["imageTags"]),
        "artifactMediaType": manifest.get("artifactType") or manifest.get("config", {}).get("mediaType"),
        "subjectManifestDigest": manifest.get("subject", {}).get("digest"),
        "lastRecordedPullTime": image.get("lastRecordedPullTime"),
        "lastArchivedAt": image.get("lastArchivedAt"),
    }
    parts = [] if is_index else [manifest.get("config", {}), *manifest.get("layers", [])]
    return {
        "registryId": get_account_id(),
        "repositoryName": repository,
        "imageDigest": image["imageDigest"],
        "imageSizeInBytes": sum(part.get("size", 0) for part in parts),
        "imagePushedAt": image["imagePushedAt"],
        "imageManifestMediaType": image["imageManifestMediaType"],
        "imageStatus": image.get("imageStatus", "ACTIVE"),
        **{name: value for name, value in optional.items() if value},
    }


def _describe_repositories(request: Request) -> Reply:
    names = request.get("repositoryNames")
    if names:
        chosen, token = [repository_of({"repositoryName": name}) for name in names], {}
    else:
        chosen, token = page_of(sorted(ecr._repositories.keys()), request, default=100, maximum=1000)
    return json_response({"repositories": [ecr._repo_shape(ecr._repositories[name]) for name in chosen], **token})
