"""ECR deletes an image by its digest over the registry's own API as BatchDeleteImage does, and sends the event.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-artifact-delete.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
https://github.com/aws/containers-roadmap/issues/1229

ECR's answer to a tag, and the code for an image that an index still lists, are documented nowhere. Both are refused here,
so that nothing comes to rely on them; tags go by BatchDeleteImage.
"""

import json
from collections.abc import Callable

from ministack.services import ecr
from operations import Reply
from upstream import wrap


def restore() -> None:
    wrap(ecr, "_v2_delete_manifest", "235acf258a6e", _delete_manifest)


def _delete_manifest(delete: Callable[[str, str], Reply], name: str, reference: str) -> Reply:
    if name not in ecr._repositories or not reference.startswith("sha256:"):
        return delete(name, reference)  # ministack refuses both.
    # Looked up now, because other restores replace it.
    _, _, body = ecr._batch_delete_image({"repositoryName": name, "imageIds": [{"imageDigest": reference}]})
    failures = json.loads(body)["failures"]
    if not failures:
        return ecr._registry_ok(202, {}, b"")
    [failure] = failures
    if failure["failureCode"] == "ImageNotFound":
        return ecr._registry_error(404, "MANIFEST_UNKNOWN", failure["failureReason"], {"reference": reference})
    return ecr._registry_error(405, "UNSUPPORTED", failure["failureReason"], {"reference": reference})
