"""ECR's images and registries as the restored behaviours see them, over ministack's own storage."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from operations import ApiError
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecr

# An image is ministack's dictionary of it. Beside ministack's own entries it may hold `imageStatus`,
# `lastArchivedAt`, `lastRecordedPullTime` and, as `_scan`, its last basic scan.
Image = dict[str, Any]

INDEX_MEDIA_TYPES = frozenset({
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
})  # fmt: skip


@dataclass
class Registry:
    """The settings of one account's registry in one Region. Times are seconds since the epoch."""

    scan_type: str = "BASIC"
    rules: list[dict[str, Any]] = field(default_factory=list)
    daily_scan_limit: int = 100_000
    scan_seconds: float = 0.05
    scans_started_at: deque[float] = field(default_factory=deque)
    # The instant since which a principal, by its ARN, renews no pull time.
    pull_exclusions: dict[str, float] = field(default_factory=dict)


_registries: dict[tuple[str, str], Registry] = {}


def registry() -> Registry:
    """The registry of the request's account and Region."""
    return _registries.setdefault((get_account_id(), get_region()), Registry())


def images_of(repository: str) -> list[Image]:
    return ecr._images.get(repository) or []


def find_image(repository: str, image_id: dict[str, Any]) -> Image | None:
    """The image that an image identifier names; None also when its tag and its digest name different images."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest:
        image = _by_digest(repository).get(digest)
        return image if image is None or tag is None or tag in image["imageTags"] else None
    return next((image for image in images_of(repository) if tag in image["imageTags"]), None)


def require_image(repository: str, image_id: dict[str, Any]) -> Image:
    image = find_image(repository, image_id)
    if image is None:
        named = ", ".join(f"{key}:'{image_id[key]}'" for key in ("imageDigest", "imageTag") if key in image_id)
        raise ApiError(
            "ImageNotFoundException",
            f"The image with imageId {{{named}}} does not exist within the repository with name '{repository}' "
            f"in the registry with id '{get_account_id()}'",
        )
    return image


def all_images() -> Iterator[Image]:
    """Every image of every account and Region."""
    for images in ecr._images.all_values():
        yield from images


def manifest_of(image: Image) -> dict[str, Any]:
    return json.loads(image["imageManifest"])


def is_archived(image: Image) -> bool:
    return image.get("imageStatus") == "ARCHIVED"


_digest_indexes: dict[tuple[str, str, str], tuple[int, Image | None, dict[str, Image]]] = {}


def _by_digest(repository: str) -> dict[str, Image]:
    """Images by digest. ministack keeps a list, which a repository of thousands of images makes quadratic."""
    images = images_of(repository)
    last = images[-1] if images else None
    key = (get_account_id(), get_region(), repository)
    known = _digest_indexes.get(key)
    # A push appends; after a deletion the list is shorter. Equal length and the same last image: nothing changed.
    if known is None or known[0] != len(images) or known[1] is not last:
        known = (len(images), last, {image["imageDigest"]: image for image in images})
        _digest_indexes[key] = known
    return known[2]
