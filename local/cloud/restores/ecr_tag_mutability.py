"""A repository names the tags that its mutability leaves out, and refuses to move a tag that is immutable.

An image that is pushed again under a tag which it has already moves nothing.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

import fnmatch
import hashlib
from typing import Any

from ministack.core.responses import json_response
from ministack.services import ecr
from ministack.services.cloudformation import provisioners
from operations import ApiError, Reply, Request, replace_in_ecr, repository_of
from registry import find_image
from upstream import pinned, wrap

_FILTERS = "imageTagMutabilityExclusionFilters"
# Whether tags are immutable, and whether those that a filter names are.
_IMMUTABLE = {
    "MUTABLE": (False, False), "IMMUTABLE": (True, True),
    "IMMUTABLE_WITH_EXCLUSION": (True, False), "MUTABLE_WITH_EXCLUSION": (False, True),
}  # fmt: skip


def restore() -> None:
    wrap(ecr, "_create_repository", "56ebb5843976", _create)
    pinned(ecr._put_image_tag_mutability, "a71ffe06b82d")
    replace_in_ecr("PutImageTagMutability", _put_mutability)
    wrap(ecr, "_repo_shape", "7bebcc19d387", _shape)
    wrap(ecr, "_put_image", "657a41f57e5e", _put_image)
    wrap(ecr, "_v2_put_manifest", "61f30e54dc20", _put_manifest)
    wrap(provisioners, "_ecr_cfn_to_api", "54c532cfb939", _from_template)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ECR::Repository"]
    update = pinned(handlers["update"], "e19ce1187d2c")
    handlers["update"] = lambda *arguments: _updated(update, *arguments)


def _create(original: Any, request: Request) -> Reply:
    _check(request)
    reply: Reply = original(request)
    if reply[0] != 200:
        return reply
    repository = ecr._repositories[request["repositoryName"]]
    repository[_FILTERS] = request.get(_FILTERS) or []
    return json_response({"repository": ecr._repo_shape(repository)})


def _put_mutability(request: Request) -> Reply:
    name = repository_of(request)
    _check(request)
    mutability, filters = request["imageTagMutability"], request.get(_FILTERS) or []
    ecr._repositories[name].update({"imageTagMutability": mutability, _FILTERS: filters})
    shape = ecr._repo_shape(ecr._repositories[name])
    return json_response({
        key: shape[key] for key in ("registryId", "repositoryName", "imageTagMutability", _FILTERS) if key in shape
    })  # fmt: skip


def _check(request: Request) -> None:
    """Filters belong to the two kinds of mutability that have exclusions, and only to these."""
    if request.get("imageTagMutability", "MUTABLE").endswith("_WITH_EXCLUSION") != bool(request.get(_FILTERS)):
        raise ApiError("InvalidParameterException", f"Invalid parameter at '{_FILTERS}' for this imageTagMutability")


def _shape(original: Any, repository: dict[str, Any]) -> dict[str, Any]:
    filters = repository.get(_FILTERS)
    return {**original(repository), **({_FILTERS: filters} if filters else {})}


def _from_template(original: Any, properties: dict[str, Any]) -> dict[str, Any]:
    filters = [
        {
            "filterType": each["ImageTagMutabilityExclusionFilterType"],
            "filter": each["ImageTagMutabilityExclusionFilterValue"],
        }
        for each in properties.get("ImageTagMutabilityExclusionFilters", [])
    ]
    return {**original(properties), _FILTERS: filters}


def _updated(update: Any, name: str, old: dict[str, Any], new: dict[str, Any], *more: Any) -> Any:
    made = update(name, old, new, *more)
    ecr._repositories[name][_FILTERS] = provisioners._ecr_cfn_to_api(new)[_FILTERS]
    return made


def _moves_immutable(name: str, tag: str, digest: str) -> bool:
    """Whether another image has the tag, and must keep it."""
    image = find_image(name, {"imageTag": tag})
    if image is None or image["imageDigest"] == digest:
        return False
    repository = ecr._repositories[name]
    kept, kept_if_named = _IMMUTABLE[repository.get("imageTagMutability", "MUTABLE")]
    is_named = any(fnmatch.fnmatchcase(tag, each["filter"]) for each in repository.get(_FILTERS, []))
    return kept_if_named if is_named else kept


def _refusal(name: str, tag: str) -> str:
    return (
        f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag "
        "is immutable."
    )


def _put_image(original: Any, request: Request) -> Reply:
    name, tag = repository_of(request), request.get("imageTag")
    digest = request.get("imageDigest") or _digest_of(request["imageManifest"].encode())
    if tag and _moves_immutable(name, tag, digest):
        raise ApiError("ImageTagAlreadyExistsException", _refusal(name, tag))
    reply: Reply = original(request)
    return reply


def _put_manifest(original: Any, name: str, reference: str, headers: dict[str, str], body: bytes) -> Reply:
    is_tag = not reference.startswith("sha256:")
    if is_tag and name in ecr._repositories and _moves_immutable(name, reference, _digest_of(body)):
        error: Reply = ecr._registry_error(400, "TAG_INVALID", _refusal(name, reference), {"tag": reference})
        return error
    reply: Reply = original(name, reference, headers, body)
    return reply


def _digest_of(manifest: bytes) -> str:
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"
