"""Basic scans of images in ECR: their start, their result, and the event that tells of it."""

import time
from collections import Counter
from dataclasses import dataclass

from background import after
from events import publish
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecr
from operations import ApiError
from registry import INDEX_MEDIA_TYPES, Image, find_image, is_archived, manifest_of, registry
from scanner.layers import Layer, UnreadableLayer, merged_files, read_layer
from scanner.packages import UnsupportedImage, read_inventory
from scanner.vulnerabilities import Finding, match, updated_by

_DAY_SECONDS = 86_400
_SCANNED_MEDIA_TYPES = frozenset({
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
})  # fmt: skip
_SCANNED_CONFIGS = frozenset({
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
})  # fmt: skip


@dataclass
class Scan:
    """Times are seconds since the epoch; `completed_at` is None while the scan runs."""

    started_at: float
    status: str = "IN_PROGRESS"
    description: str = ""
    completed_at: float | None = None
    source_updated_at: float | None = None
    findings: tuple[Finding, ...] = ()

    def severity_counts(self) -> dict[str, int]:
        return dict(Counter(finding.vulnerability.severity for finding in self.findings))


class MissingLayer(Exception):
    """A manifest names a layer that its repository does not hold."""


def scan_of(image: Image) -> Scan | None:
    """The last scan of an image in its repository."""
    return image.get("_scan")


def check_may_start(image: Image) -> None:
    """Raises the error that StartImageScan answers with, if the image may not be scanned now."""
    settings = registry()
    if is_archived(image):
        raise ApiError("ImageArchivedException", f"The image {image['imageDigest']} is archived.")
    if settings.scan_type == "ENHANCED":
        raise ApiError("ValidationException", "This feature is disabled")
    _check_media_type(image)
    now = time.time()
    last = scan_of(image)
    if last is not None and now - last.started_at < _DAY_SECONDS:
        raise ApiError("LimitExceededException", "The scan quota per image has been exceeded. Wait and try again.")
    started = settings.scans_started_at
    while started and now - started[0] >= _DAY_SECONDS:
        started.popleft()
    if len(started) >= settings.daily_scan_limit:
        raise ApiError("LimitExceededException", "The scan quota of the registry has been exceeded. Try again later.")


def _check_media_type(image: Image) -> None:
    media_type = image["imageManifestMediaType"]
    if media_type in _SCANNED_MEDIA_TYPES and media_type not in INDEX_MEDIA_TYPES:
        media_type = manifest_of(image).get("config", {}).get("mediaType", "")
        if media_type in _SCANNED_CONFIGS:
            return
    raise ApiError("UnsupportedImageTypeException", f"An artifact with media type '{media_type}' cannot be scanned.")


def start_scan(repository: str, image: Image) -> Scan:
    """Starts a scan that may start; its result comes after the registry's scan time."""
    settings = registry()
    now = time.time()
    settings.scans_started_at.append(now)
    scan = image["_scan"] = Scan(started_at=now)
    account, region = get_account_id(), get_region()

    def finish() -> None:
        with request_scope(account, region):
            if find_image(repository, {"imageDigest": image["imageDigest"]}) is image:
                _complete(repository, image, scan, time.time())
                _tell(repository, image, scan)

    after(settings.scan_seconds, finish)
    return scan


def record_past_scan(repository: str, image: Image, at: float) -> None:
    """Gives an image a scan at an instant of the past, without an event."""
    scan = image["_scan"] = Scan(started_at=at)
    _complete(repository, image, scan, at)


def _complete(repository: str, image: Image, scan: Scan, at: float) -> None:
    try:
        scan.findings = match(read_inventory(_files_of(repository, image)))
        scan.source_updated_at = updated_by(at)
        scan.status, scan.description = "COMPLETE", "The scan was completed successfully."
    except (UnsupportedImage, UnreadableLayer) as error:
        scan.status, scan.description = "UNSUPPORTED_IMAGE", f"UnsupportedImageError: {error}"
    except (MissingLayer, ValueError) as error:
        scan.status, scan.description = "FAILED", str(error)
    scan.completed_at = at


def _files_of(repository: str, image: Image) -> dict[str, bytes]:
    return merged_files(layers_of(repository, image))


def layers_of(repository: str, image: Image) -> list[Layer]:
    """The layers of an image, from its lowest to its highest."""
    blobs = ecr._layer_blobs.get(repository) or {}
    layers = []
    for descriptor in manifest_of(image).get("layers", []):
        digest = descriptor["digest"]
        if digest not in blobs:
            raise MissingLayer(f"The repository {repository} does not hold the layer {digest}.")
        layers.append(read_layer(digest, blobs[digest]))
    return layers


def _tell(repository: str, image: Image, scan: Scan) -> None:
    # Only COMPLETE is documented; an image that could not be looked at must not read as one without findings.
    detail = {
        "scan-status": "COMPLETE" if scan.status == "COMPLETE" else "FAILED",
        "repository-name": repository,
        "finding-severity-counts": scan.severity_counts(),
        "image-digest": image["imageDigest"],
        "image-tags": list(image["imageTags"]),
    }
    publish("aws.ecr", "ECR Image Scan", [ecr._repo_arn(repository)], detail, get_account_id(), get_region())
