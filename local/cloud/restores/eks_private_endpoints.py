"""An endpoint without public access takes no connection from outside of its VPC.

Here every server listens on one machine, so the name of the endpoint stands for the route: only a role of a function with a
VPC learns the address on which the API server listens.

https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
"""

import json
import re

from ministack.core import iam_evaluator
from ministack.services import eks, lambda_svc
from service_requests import Reply, Serve, ServiceRequest, around_requests

_CLUSTER = re.compile(r"/clusters/[^/]+")
# Nothing listens there.
_NO_ROUTE = "https://127.0.0.1:1"


def restore() -> None:
    around_requests(_described)


async def _described(serve: Serve, request: ServiceRequest) -> Reply:
    reply = await serve()
    if request.method != "GET" or not _CLUSTER.fullmatch(request.path) or reply[0] != 200:
        return reply
    if "/eks/" not in request.headers.get("authorization", ""):
        return reply
    cluster = json.loads(reply[2])["cluster"]
    is_private = not cluster["resourcesVpcConfig"]["endpointPublicAccess"]
    if not is_private or "endpoint" not in cluster or _is_in_vpc(request):
        return reply
    return eks._json_resp(200, {"cluster": {**cluster, "endpoint": _NO_ROUTE}})


def _is_in_vpc(request: ServiceRequest) -> bool:
    """Whether the session of a function's role calls, and the function is in a VPC."""
    caller = iam_evaluator.request_caller_arn(request.headers, request.query)
    _, is_role, session = caller.partition(":assumed-role/")
    if not is_role:
        return False
    role = session.split("/")[0]
    configurations = [function["config"] for function in lambda_svc._functions.values()]
    return any(
        config.get("Role", "").rpartition("/")[2] == role and (config.get("VpcConfig") or {}).get("SubnetIds")
        for config in configurations
    )
