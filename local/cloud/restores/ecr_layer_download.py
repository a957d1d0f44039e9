"""GetDownloadUrlForLayer answers with an address that serves the layer, and refuses a missing one.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
"""

import os
from typing import Any
from urllib.parse import quote

from operations import ApiError, Reply, replace_in_ecr, repository_of
from ministack.core.responses import get_account_id, get_region, json_response
from ministack.services import ecr
from upstream import pinned


def restore() -> None:
    pinned(ecr._get_download_url_for_layer, "56e5002b00dc")
    replace_in_ecr("GetDownloadUrlForLayer", _get_download_url)


def _get_download_url(request: dict[str, Any]) -> Reply:
    repository = repository_of(request)
    digest = request.get("layerDigest", "")
    if digest not in (ecr._layer_blobs.get(repository) or {}):
        raise ApiError(
            "LayersNotFoundException",
            f"The layer with digest '{digest}' does not exist in the repository with name '{repository}'",
        )
    # The registry finds its account and Region in `ns`, as a caller of this address cannot choose the host name.
    registry = f"{get_account_id()}.dkr.ecr.{get_region()}.amazonaws.com"
    base = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    url = f"{base}/v2/{repository}/blobs/{quote(digest)}?ns={registry}"
    return json_response({"downloadUrl": url, "layerDigest": digest})
