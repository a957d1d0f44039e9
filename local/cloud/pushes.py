"""Tells restores of every image that is pushed, over ECR's API or over the registry's own."""

import functools
import json
from collections.abc import Callable

from ministack.services import ecr
from operations import Reply, Request
from registry import Image, find_image
from upstream import pinned

# Called with the repository, the image and the pushed tag, if there is one.
Listener = Callable[[str, Image, str | None], None]

_listeners: list[Listener] = []


def on_push(listener: Listener) -> None:
    """Calls the listener after every push that succeeds."""
    if not _listeners:
        _listen()
    _listeners.append(listener)


def _listen() -> None:
    put_manifest = pinned(ecr._v2_put_manifest, "61f30e54dc20")
    put_image = pinned(ecr._put_image, "657a41f57e5e")

    @functools.wraps(put_manifest)
    def put_manifest_and_tell(name: str, reference: str, headers: dict[str, str], body: bytes) -> Reply:
        reply = put_manifest(name, reference, headers, body)
        if reply[0] == 201:
            tag = None if reference.startswith("sha256:") else reference
            _tell(name, reply[1]["Docker-Content-Digest"], tag)
        return reply

    @functools.wraps(put_image)
    def put_image_and_tell(request: Request) -> Reply:
        reply = put_image(request)
        if reply[0] == 200:
            digest = json.loads(reply[2])["image"]["imageId"]["imageDigest"]
            _tell(request["repositoryName"], digest, request.get("imageTag"))
        return reply

    ecr._v2_put_manifest = put_manifest_and_tell
    ecr._put_image = put_image_and_tell


def _tell(repository: str, digest: str, tag: str | None) -> None:
    image = find_image(repository, {"imageDigest": digest})
    if image is not None:
        for listener in _listeners:
            listener(repository, image, tag)
