"""A cluster has a certificate authority; while it is being created it has neither that nor an endpoint.

https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html
https://docs.aws.amazon.com/eks/latest/APIReference/API_Certificate.html
"""

import base64
import json
import time
from typing import Any

from eks_clusters import authority_of, cluster_named
from ministack.services import eks
from upstream import wrap

Reply = tuple[int, dict[str, str], bytes]

_UNTIL_CREATED = ("endpoint", "certificateAuthority")
_LONGEST_START_SECONDS = 5.0


def restore() -> None:
    wrap(eks, "_create_cluster", "7c6cfd442ddb", _creating)
    wrap(eks, "_describe_cluster", "5487cce55ff0", _describing)


def _creating(create: Any, body: dict[str, Any], creator_arn: str | None = None) -> Reply:
    reply = create(body, creator_arn)
    cluster = cluster_named(body.get("name", ""))
    if reply[0] == 200 and cluster is not None:
        certificate = authority_of(cluster).certificate_pem
        cluster["certificateAuthority"]["data"] = base64.b64encode(certificate.encode()).decode()
        # A thread of upstream's makes it active; later changes of the status must not meet that.
        ends_at = time.monotonic() + _LONGEST_START_SECONDS
        while cluster["status"] == "CREATING" and time.monotonic() < ends_at:
            time.sleep(0.001)
    return _as_told(reply, status="CREATING")


def _describing(describe: Any, name: str) -> Reply:
    return _as_told(describe(name))


def _as_told(reply: Reply, **changed: str) -> Reply:
    if reply[0] != 200:
        return reply
    cluster = {**json.loads(reply[2])["cluster"], **changed}
    if cluster["status"] != "CREATING":
        return reply
    shown = {name: value for name, value in cluster.items() if name not in _UNTIL_CREATED}
    return eks._json_resp(200, {"cluster": shown})
