"""ECR tells EventBridge of every image that is pushed or deleted (`ECR Image Action`).

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import functools
import json

from events import publish
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecr
from operations import Reply, Request
from pushes import on_push
from registry import Image
from upstream import pinned


def restore() -> None:
    on_push(_tell_push)
    delete = pinned(ecr._batch_delete_image, "65fc8eea2738")

    @functools.wraps(delete)
    def delete_and_tell(request: Request) -> Reply:
        reply = delete(request)
        if reply[0] == 200:
            for image_id in json.loads(reply[2])["imageIds"]:
                _tell("DELETE", request["repositoryName"], image_id["imageDigest"], image_id.get("imageTag"))
        return reply

    ecr._batch_delete_image = delete_and_tell


def _tell_push(repository: str, image: Image, tag: str | None) -> None:
    _tell("PUSH", repository, image["imageDigest"], tag)


def _tell(action: str, repository: str, digest: str, tag: str | None) -> None:
    detail = {"result": "SUCCESS", "repository-name": repository, "image-digest": digest, "action-type": action}
    if tag:
        detail["image-tag"] = tag
    publish("aws.ecr", "ECR Image Action", [], detail, get_account_id(), get_region())
