"""ECR lists the artifacts, such as signatures, whose manifests name an image as their `subject`.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/images.html
https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import ministack.app as ministack_app
from ministack.core.responses import json_response
from ministack.services import ecr
from operations import ApiError, Reply, Request, replace_in_ecr, repository_of
from registry import Image, images_of, manifest_of
from request_pages import page_of
from upstream import wrap

_INDEX = "application/vnd.oci.image.index.v1+json"
_PATH = re.compile(r"/v2/(?P<name>.+)/referrers/(?P<digest>sha256:[0-9a-f]{64})")
_MOST_TYPES = 5


def restore() -> None:
    replace_in_ecr("ListImageReferrers", _list_image_referrers)
    wrap(ecr, "_v2_put_manifest", "61f30e54dc20", _put_manifest)
    wrap(ecr, "handle_registry_request", "8d092cb90854", _handle)
    wrap(ministack_app, "_is_ecr_registry_path", "4a808fbbe36c", _is_registry_path)


def _list_image_referrers(request: Request) -> Reply:
    wanted = request.get("filter") or {}
    types = wanted.get("artifactTypes")
    if types is not None and not 1 <= len(types) <= _MOST_TYPES:
        raise ApiError("InvalidParameterException", f"Invalid parameter: 1 to {_MOST_TYPES} artifactTypes are allowed.")
    status = wanted.get("artifactStatus", "ACTIVE")
    found = [
        {**referrer, "artifactStatus": _status_of(image)}
        for image, referrer in _referrers(repository_of(request), request["subjectId"]["imageDigest"])
        if status in ("ANY", _status_of(image)) and (types is None or referrer["artifactType"] in types)
    ]
    referrers, token = page_of(found, request, default=50, maximum=50)
    return json_response({"referrers": referrers, **token})


def _status_of(image: Image) -> str:
    return image.get("imageStatus", "ACTIVE")


def _referrers(repository: str, subject: str) -> list[tuple[Image, dict[str, Any]]]:
    """The images of a repository that name the subject, each with its descriptor."""
    return [
        (image, _descriptor(image))
        for image in images_of(repository)
        if manifest_of(image).get("subject", {}).get("digest") == subject
    ]


def _descriptor(image: Image) -> dict[str, Any]:
    manifest = manifest_of(image)
    annotations = manifest.get("annotations")
    return {
        "digest": image["imageDigest"],
        "mediaType": image["imageManifestMediaType"],
        "artifactType": manifest.get("artifactType") or manifest.get("config", {}).get("mediaType", ""),
        "size": len(image["imageManifest"].encode()),
        **({"annotations": annotations} if annotations else {}),
    }


def _put_manifest(put: Callable[..., Reply], name: str, reference: str, headers: dict[str, str], body: bytes) -> Reply:
    """Tells a client that names a subject that it need not keep a list of referrers itself."""
    status, answered, content = put(name, reference, headers, body)
    if status == 201 and (subject := json.loads(body).get("subject")):
        answered = {**answered, "OCI-Subject": subject["digest"]}
    return status, answered, content


def _is_registry_path(is_path: Callable[[str], bool], path: str) -> bool:
    return is_path(path) or _PATH.fullmatch(path) is not None


async def _handle(
    handle: Callable[..., Awaitable[Reply]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
) -> Reply:
    asked = _PATH.fullmatch(path)
    if asked is None:
        return await handle(method, path, headers, body, query)
    name = asked["name"]
    ecr._select_registry_request_scope(name, headers, query)
    if method != "GET":
        return ecr._registry_error(405, "UNSUPPORTED", "method not allowed")
    if (unknown := ecr._ensure_repo_exists(name)) is not None:
        return unknown
    artifact_type = ecr._query_first(query, "artifactType")
    manifests = [
        referrer
        for _, referrer in _referrers(name, asked["digest"])
        if artifact_type in (None, referrer["artifactType"])
    ]
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
    applied = {"OCI-Filters-Applied": "artifactType"} if artifact_type else {}
    return ecr._registry_ok(200, {"Content-Type": _INDEX, **applied}, json.dumps(index).encode())
