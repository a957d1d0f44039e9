"""PutImage refuses an image that is there already, under the tag that it has.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

from collections.abc import Callable

from ministack.core.responses import get_account_id
from ministack.services import ecr
from operations import ApiError, Reply, Request
from registry import find_image
from upstream import wrap


def restore() -> None:
    wrap(ecr, "_put_image", "657a41f57e5e", _put_image)


def _put_image(put: Callable[[Request], Reply], request: Request) -> Reply:
    repository, tag = request.get("repositoryName", ""), request.get("imageTag")
    digest = ecr._image_digest(request.get("imageManifest", ""))
    image = find_image(repository, {"imageDigest": digest}) if request.get("imageDigest", digest) == digest else None
    if image is not None and (tag is None or tag in image["imageTags"]):
        raise ApiError(
            "ImageAlreadyExistsException",
            f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{repository}' "
            f"in registry with id '{get_account_id()}'",
        )
    return put(request)
