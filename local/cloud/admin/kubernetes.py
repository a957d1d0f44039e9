"""The clusters of Amazon EKS: what their Kubernetes API servers, which run outside of this process, need and tell.

`PUT kubernetes` changes `endpoint` or `status` of a cluster. `POST kubernetes` tells the certificate authority (PEM) of a
cluster and the path at which its API server asks whose a bearer token is. `POST kubernetes/certificates` issues a
certificate by that authority: `{commonName, organizations?, hosts?}`; with `hosts` it is the one of a server.
"""

from typing import Any

from admin import BadRequest
from eks_clusters import authority_of, cluster_named, token_review_path
from kubernetes_certificates import issue
from ministack.core.responses import request_scope

_STATES = ("CREATING", "ACTIVE", "DELETING", "FAILED", "UPDATING", "PENDING")


def _cluster(body: dict[str, Any]) -> dict[str, Any]:
    with request_scope(body["account"], body["region"]):
        cluster = cluster_named(body["cluster"])
    if cluster is None:
        raise BadRequest(f"{body['cluster']} is no EKS cluster of {body['account']} in {body['region']}")
    return cluster


def _change(body: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(body)
    status = body.get("status", cluster["status"])
    if status not in _STATES:
        raise BadRequest(f"status must be one of {', '.join(_STATES)}, not {status!r}")
    cluster["status"] = status
    cluster["endpoint"] = body.get("endpoint", cluster["endpoint"])
    return {}


def _tell(body: dict[str, Any]) -> dict[str, Any]:
    cluster = _cluster(body)
    return {
        "certificateAuthority": authority_of(cluster).certificate_pem,
        "tokenReviewPath": token_review_path(body["account"], body["region"], cluster),
    }


def _issue(body: dict[str, Any]) -> dict[str, Any]:
    authority = authority_of(_cluster(body))
    issued = issue(authority, body["commonName"], body.get("organizations", []), body.get("hosts", []))
    return {"certificate": issued.certificate_pem, "key": issued.key_pem}


ROUTES = {
    ("PUT", "kubernetes"): _change,
    ("POST", "kubernetes"): _tell,
    ("POST", "kubernetes/certificates"): _issue,
}
