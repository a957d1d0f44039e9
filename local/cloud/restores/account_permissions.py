"""Asking for the Regions of one's own account takes the permission account:ListRegions.

https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html
"""

from ministack.core.responses import get_account_id
from service_requests import Reply, Serve, ServiceRequest, around_requests


def restore() -> None:
    around_requests(_checked)


async def _checked(serve: Serve, request: ServiceRequest) -> Reply:
    # A caller who names another account asks for the permission on that one, which the service itself decides.
    if request.path.rstrip("/") == "/listRegions" and b"AccountId" not in request.body:
        denied = request.denial("account:ListRegions", f"arn:aws:account::{get_account_id()}:account")
        if denied:
            return denied
    return await serve()
