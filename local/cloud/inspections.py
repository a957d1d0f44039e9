"""Amazon Inspector in a registry with enhanced scanning: which images it covers, and what it finds in them.

It looks with the same scanner as basic scanning does, but by itself: at each image that is pushed to a repository which a
rule of the registry covers, and again as soon as a new vulnerability is known.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from background import after
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecr, ecs
from organization import organization_of
from registry import INDEX_MEDIA_TYPES, Image, find_image, images_of, is_archived, manifest_of, registry
from restores.ecr_scanning_configuration import applied_frequency
from scanner.layers import UnreadableLayer, merged_files, read_layer
from scanner.packages import UnsupportedImage, read_inventory
from scanner.vulnerabilities import Finding, match
from scans import MissingLayer, layers_of

Status = tuple[str, str]

PENDING: Status = ("INACTIVE", "PENDING_INITIAL_SCAN")
SUCCESSFUL: Status = ("ACTIVE", "SUCCESSFUL")
EXPIRED: Status = ("INACTIVE", "SCAN_ELIGIBILITY_EXPIRED")
# On activation only images that were pushed within so many seconds are scanned; older ones are expired.
# https://docs.aws.amazon.com/inspector/latest/user/scanning-ecr.html
_ACTIVATION_SECONDS = 14 * 86_400


@dataclass
class Inspection:
    """Inspector's look at one image. Times are seconds since the epoch; `fixed` stays whatever happens."""

    status: Status = PENDING
    scanned_at: float | None = None
    fixed: bool = False


@dataclass(frozen=True)
class InUse:
    """How many tasks run an image, and when one of them ran it last, in seconds since the epoch. None is unknown."""

    count: int | None
    last_at: float | None


@dataclass(frozen=True)
class LayeredFinding:
    """A finding, and the layer that brought the package."""

    finding: Finding
    layer: str | None


# Called with the repository and the image after its first scan.
Listener = Callable[[str, Image, Inspection], None]
_listeners: list[Listener] = []


def on_first_scan(listener: Listener) -> None:
    _listeners.append(listener)


def inspection_of(image: Image) -> Inspection | None:
    return image.get("_inspection")


def cover(repository: str, image: Image) -> None:
    """Begins to cover an image of a repository that a rule covers; its first scan ends after the registry's scan time."""
    if applied_frequency(repository) == "MANUAL" or image["imageManifestMediaType"] in INDEX_MEDIA_TYPES:
        return
    inspection = image["_inspection"] = Inspection()
    account, region = get_account_id(), get_region()

    def finish() -> None:
        with request_scope(account, region):
            if find_image(repository, {"imageDigest": image["imageDigest"]}) is not image or inspection.fixed:
                return
            inspection.status, inspection.scanned_at = _scanned(repository, image), time.time()
            if inspection.status == SUCCESSFUL:
                for listener in _listeners:
                    listener(repository, image, inspection)

    after(registry().scan_seconds, finish)


def cover_existing() -> None:
    """Covers the images of a registry whose enhanced scanning was switched on."""
    for repository, image in _images():
        if inspection_of(image) is None:
            cover(repository, image)
            inspection = inspection_of(image)
            if inspection is not None and time.time() - image["imagePushedAt"] > _ACTIVATION_SECONDS:
                inspection.status, inspection.fixed = EXPIRED, True


def fix_status(image: Image, status: Status) -> None:
    """Gives an image a status that it keeps, as no call of AWS can."""
    inspection = inspection_of(image) or Inspection()
    image["_inspection"] = inspection
    inspection.status, inspection.fixed = status, True


def covered_images() -> Iterator[tuple[str, Image, Inspection]]:
    """Each image that Inspector lists in the request's account and Region; none with basic scanning."""
    if registry().scan_type != "ENHANCED":
        return
    for repository, image in _images():
        inspection = inspection_of(image)
        if inspection is None:
            continue
        if is_archived(image):
            inspection = Inspection(("INACTIVE", "IMAGE_ARCHIVED"), inspection.scanned_at)
        elif applied_frequency(repository) == "MANUAL":
            inspection = Inspection(("INACTIVE", "SCAN_FREQUENCY_MANUAL"), inspection.scanned_at)
        yield repository, image, inspection


def tell_use(image: Image, use: InUse) -> None:
    """Has Inspector tell this of an image from now on, whatever tasks run: the pods of EKS run outside of this process."""
    image["_in_use"] = use


def uses_in_tasks() -> dict[str, InUse]:
    """By digest the uses in tasks of ECS of the request's account and its organization, also in tasks that ended.

    Whether tasks of other Regions count is documented nowhere; here they do. On AWS an answer is up to 36 hours old.
    https://docs.aws.amazon.com/inspector/v2/APIReference/API_GetClustersForImage.html
    """
    organization = organization_of(get_account_id())
    members = organization.members if organization else {get_account_id()}
    instants: dict[str, list[float | None]] = defaultdict(list)
    for account, task in ecs._tasks.everywhere():
        if account in members:
            ended_at = ecs._ts_to_epoch(task.get("stoppedAt")) if task["lastStatus"] == "STOPPED" else None
            for digest in {container.get("imageDigest") for container in task["containers"]}:
                instants[digest].append(ended_at)
    now = time.time()
    return {
        digest: InUse(ends.count(None), max(now if end is None else end for end in ends))
        for digest, ends in instants.items()
    }


def findings_of(repository: str, image: Image) -> tuple[LayeredFinding, ...]:
    """What Inspector knows of an image now: a new vulnerability is found without another push."""
    layers = layers_of(repository, image)
    digests = [descriptor["digest"] for descriptor in manifest_of(image).get("layers", [])]
    known = match(read_inventory(merged_files(layers)))
    brought: dict[tuple[str, str], str] = {}
    for count, digest in enumerate(digests, start=1):
        try:
            packages = read_inventory(merged_files(layers[:count])).packages
        except UnsupportedImage:
            continue
        for package in packages:
            brought.setdefault(package, digest)
    return tuple(
        LayeredFinding(finding, brought.get((finding.vulnerability.package, finding.package_version)))
        for finding in known
    )


def arn_of(repository: str, image: Image) -> str:
    return f"{ecr._repo_arn(repository)}/{image['imageDigest']}"


def finding_arn(repository: str, image: Image, finding: Finding) -> str:
    subject = f"{arn_of(repository, image)} {finding.vulnerability.id} {finding.vulnerability.package}"
    name = hashlib.sha256(subject.encode()).hexdigest()[:32]
    return f"arn:aws:inspector2:{get_region()}:{get_account_id()}:finding/{name}"


def _images() -> Iterator[tuple[str, Image]]:
    for repository in list(ecr._repositories):
        for image in images_of(repository):
            yield repository, image


def _scanned(repository: str, image: Image) -> Status:
    try:
        findings_of(repository, image)
    except (UnsupportedImage, UnreadableLayer):
        return "INACTIVE", "UNSUPPORTED_OS"
    except (MissingLayer, ValueError):
        return "INACTIVE", "INTERNAL_ERROR"
    return SUCCESSFUL
