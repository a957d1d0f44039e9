"""AWS Account Management has no endpoint in GovCloud. Here the host answers, so it answers that there is none.

https://docs.aws.amazon.com/general/latest/gr/acct-mgmt.html
"""

from ministack.core.responses import error_response_json, get_region
from service_requests import Reply, Serve, ServiceRequest, around_requests


def restore() -> None:
    around_requests(_answered)


async def _answered(serve: Serve, request: ServiceRequest) -> Reply:
    if request.path.rstrip("/") == "/listRegions" and get_region().startswith("us-gov-"):
        host = f"account.{get_region()}.amazonaws.com"
        status, headers, body = error_response_json("UnknownEndpoint", f"getaddrinfo ENOTFOUND {host}", 404)
        return status, {**headers, "x-amzn-errortype": "UnknownEndpoint"}, body
    return await serve()
