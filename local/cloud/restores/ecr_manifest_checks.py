"""ECR refuses a manifest that is not JSON, has another digest, or names layers or images that are not in the repository.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/docker-push-multi-architecture-image.html
https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes

The guide names the errors of PutImage only. The registry's own API answers missing layers with BLOB_UPLOAD_UNKNOWN, as
https://github.com/oras-project/oras-py/issues/54 shows, and missing images with "manifest blob unknown".
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ministack.core.responses import get_account_id
from ministack.services import ecr
from operations import ApiError, Reply, Request
from registry import find_image
from upstream import wrap


@dataclass(frozen=True)
class _Refusal:
    """Why a manifest is refused, as PutImage says it and as the registry's own API does."""

    error: str
    message: str
    status: int
    registry_code: str


def restore() -> None:
    wrap(ecr, "_put_image", "657a41f57e5e", _put_image)
    wrap(ecr, "_v2_put_manifest", "61f30e54dc20", _put_manifest)


def _put_image(put: Callable[[Request], Reply], request: Request) -> Reply:
    name = request.get("repositoryName", "")
    manifest = request.get("imageManifest", "").encode()
    refusal = _refusal_of(name, manifest, request.get("imageDigest"))
    if refusal is not None:
        raise ApiError(refusal.error, refusal.message)
    return put(request)


def _put_manifest(put: Callable[..., Reply], name: str, reference: str, headers: dict[str, str], body: bytes) -> Reply:
    digest = reference if reference.startswith("sha256:") else None
    refusal = _refusal_of(name, body, digest)
    if refusal is not None:
        return ecr._registry_error(refusal.status, refusal.registry_code, refusal.message)
    return put(name, reference, headers, body)


def _refusal_of(repository: str, manifest: bytes, digest: str | None) -> _Refusal | None:
    if repository not in ecr._repositories or not manifest:
        return None  # ministack refuses both itself.
    actual = ecr._content_digest(manifest)
    if digest is not None and digest != actual:
        message = f"The image digest '{digest}' does not match the digest '{actual}' of the image manifest"
        return _Refusal("ImageDigestDoesNotMatchException", message, 400, "DIGEST_INVALID")
    try:
        document = json.loads(manifest)
    except ValueError:
        message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        return _Refusal("InvalidParameterException", message, 405, "UNSUPPORTED")
    layers = ecr._layer_blobs.get(repository) or {}
    parts = [*([document["config"]] if "config" in document else []), *document.get("layers", [])]
    if missing := [part["digest"] for part in parts if part["digest"] not in layers]:
        message = _missing("Layers", missing, repository)
        return _Refusal("LayersNotFoundException", message, 404, "BLOB_UPLOAD_UNKNOWN")
    children = document.get("manifests", [])
    if missing := [one["digest"] for one in children if not find_image(repository, {"imageDigest": one["digest"]})]:
        message = _missing("Images", missing, repository)
        return _Refusal("ReferencedImagesNotFoundException", message, 400, "MANIFEST_BLOB_UNKNOWN")
    return None


def _missing(what: str, digests: Iterable[str], repository: str) -> str:
    return (
        f"{what} with digests '[{', '.join(digests)}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '{get_account_id()}' do not exist"
    )
