"""What the restores and admin routes share about the clusters of Amazon EKS."""

from typing import Any

from kubernetes_certificates import Issued, new_authority
from ministack.services import eks

_AUTHORITY = "_authority"


def authority_of(cluster: dict[str, Any]) -> Issued:
    """The certificate authority of a cluster; made at the first request."""
    if _AUTHORITY not in cluster:
        cluster[_AUTHORITY] = new_authority("kubernetes")
    return cluster[_AUTHORITY]


def token_review_path(account: str, region: str, cluster: dict[str, Any]) -> str:
    """Where the API server of a cluster asks whose a bearer token is (TokenReview)."""
    return f"/_ministack/eks-auth/{account}/{region}/{cluster['name']}/{cluster['_auth_token']}"


def cluster_named(name: str) -> dict[str, Any] | None:
    """The record of a cluster of the account and Region of the request."""
    return eks._clusters.get(name)
