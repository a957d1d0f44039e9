"""`PUT deployments`: how long deployments take. `POST services`: lets the new tasks of a service fail, or ends that."""

from typing import Any

from admin import BadRequest
from deployments import settings
from ministack.core.responses import request_scope
from ministack.services import ecs


def _set(body: dict[str, Any]) -> dict[str, Any]:
    if not body["deploymentMs"] >= 0:
        raise BadRequest(f"deploymentMs must not be negative, but is {body['deploymentMs']}")
    settings.deployment_seconds = body["deploymentMs"] / 1000
    return {}


def _change_service(body: dict[str, Any]) -> dict[str, Any]:
    account, region, name = body["account"], body["region"], f"{body['cluster']}/{body['service']}"
    with request_scope(account, region):
        service = ecs._services.get(name)
    if service is None:
        raise BadRequest(f"{name} is no service of {account} in {region}")
    settings.spared.pop((account, region, name), None)
    if body["newTasksFail"]:
        settings.spared[account, region, name] = frozenset(each["id"] for each in service["deployments"])
    return {}


ROUTES = {("PUT", "deployments"): _set, ("POST", "services"): _change_service}
