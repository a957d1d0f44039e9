"""Each call is authorized on the resource and with the condition keys that its service documents.

Adds what ministack takes for `*` or for another resource: tasks, services and clusters of ECS with
`ecs:cluster`, repositories that a call names in a list, schedules in a group, map runs, accounts, and
`dynamodb:LeadingKeys` of calls that name items, and `dynamodb:Attributes` and `dynamodb:Select` of a batch
of reads, of which ministack sees no projection.
A call that names several resources is authorized on the first.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb
from organization import organization_of
from upstream import wrap

Request = dict[str, Any]


def restore() -> None:
    wrap(iam_actions, "extract_resource_arn", "82f51700695c", _resource)
    wrap(iam_actions, "request_tag_context", "d46adb816e02", _context)
    wrap(iam_actions, "dynamodb_service_context", "0f0021bdc8a3", _selection)


def _resource(
    original: Any, service: str, method: str, path: str, headers: dict[str, str], body: bytes,
    query: dict[str, Any], region: str, account: str,
) -> str:  # fmt: skip
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    found: str | None = None
    if service == "scheduler":
        found = _schedule(path, _object(body), query, region, account)
    elif service == "account":
        found = _account(_object(body), account)
    elif service == "organizations" and operation in ("ListAccounts", "DescribeOrganization"):
        found = "*"
    elif (service, operation) in _RESOURCES:
        request = _object(body)
        owner = request.get("registryId", account) if service == "ecr" else account
        found = _RESOURCES[service, operation](request, f"arn:aws:{service}:{region}:{owner}")
    return found or original(service, method, path, headers, body, query, region, account)


def _context(original: Any, service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
    found = original(service, action, body, params)
    if service == "dynamodb":
        keys = _leading_keys(_object(body))
        return {**found, "dynamodb:leadingkeys": keys} if keys else found
    cluster = _object(body).get("cluster") if service == "ecs" else None
    if not cluster:
        return found
    return {**found, "ecs:cluster": f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{_short(cluster)}"}


def _selection(original: Any, body: bytes) -> dict[str, Any]:
    """What a batch reads of its items: each table has a projection of its own, or reads them whole."""
    tables = _object(body).get("RequestItems")
    reads = [table for table in tables.values() if isinstance(table, dict)] if isinstance(tables, dict) else []
    if not reads:
        return dict(original(body))
    found = [original(json.dumps(read).encode()) for read in reads]
    attributes = [name for one in found for name in one.get("dynamodb:Attributes", [])]
    whole = any("dynamodb:Attributes" not in one for one in found)
    return {
        **({"dynamodb:Attributes": attributes} if attributes else {}),
        "dynamodb:Select": "ALL_ATTRIBUTES" if whole else "SPECIFIC_ATTRIBUTES",
    }


def _leading_keys(request: Request) -> list[str]:
    """The partition keys that a call on items names; none of a query, a scan or a batch of writes."""
    asked = {request.get("TableName"): {"Keys": [request.get("Key") or request.get("Item") or {}]}}
    return [
        str(value)
        for table, of_table in (request.get("RequestItems") or asked).items()
        if isinstance(of_table, dict)
        for key in of_table.get("Keys", [])
        for value in key.get(_partition_key(str(table)), {}).values()
    ]


def _partition_key(table: str) -> str:
    return str((dynamodb._tables.get(_short(table)) or {}).get("pk_name"))


def _object(body: bytes) -> Request:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _first(request: Request, field: str) -> str:
    names = request.get(field) or ["*"]
    return _short(str(names[0]))


def _cluster(request: Request) -> str:
    return _short(request.get("cluster") or "default")


def _service_arn(request: Request, arn: str) -> str:
    service = request.get("service") or request.get("serviceName") or _first(request, "services")
    return f"{arn}:service/{_cluster(request)}/{_short(service)}"


def _task_definition(request: Request, arn: str) -> str:
    name = request.get("taskDefinition", "*")
    return name if name.startswith("arn:") else f"{arn}:task-definition/{name}"


def _repositories(request: Request, arn: str) -> str:
    # A repository's name holds slashes, so it is never shortened.
    return f"{arn}:repository/{(request.get('repositoryNames') or ['*'])[0]}"


_RESOURCES: dict[tuple[str, str], Callable[[Request, str], str]] = {
    ("ecs", "DescribeTasks"): lambda request, arn: f"{arn}:task/{_cluster(request)}/{_first(request, 'tasks')}",
    ("ecs", "StopTask"): lambda request, arn: f"{arn}:task/{_cluster(request)}/{_short(request.get('task', '*'))}",
    ("ecs", "ListTasks"): lambda request, arn: f"{arn}:container-instance/{_cluster(request)}/*",
    ("ecs", "ListServices"): lambda _request, _arn: "*",
    ("ecs", "DescribeClusters"): lambda request, arn: f"{arn}:cluster/{_first(request, 'clusters')}",
    ("ecs", "DescribeServices"): _service_arn,
    ("ecs", "UpdateService"): _service_arn,
    ("ecs", "ListServiceDeployments"): _service_arn,
    ("ecs", "DescribeServiceDeployments"): lambda request, _arn: (request.get("serviceDeploymentArns") or ["*"])[0],
    ("ecs", "ContinueServiceDeployment"): lambda request, _arn: request.get("serviceDeploymentArn", "*"),
    ("ecs", "DescribeServiceRevisions"): lambda request, _arn: (request.get("serviceRevisionArns") or ["*"])[0],
    ("ecs", "DeleteService"): _service_arn,
    ("ecs", "CreateService"): _service_arn,
    ("ecs", "RunTask"): _task_definition,
    ("ecs", "DescribeTaskDefinition"): lambda _request, _arn: "*",
    ("ecr", "DescribeRepositories"): _repositories,
    ("ecr", "BatchGetRepositoryScanningConfiguration"): _repositories,
    ("states", "DescribeMapRun"): lambda request, _arn: request.get("mapRunArn", "*"),
}


def _schedule(path: str, request: Request, query: dict[str, Any], region: str, account: str) -> str | None:
    parts = [part for part in path.split("/") if part]
    if parts[:1] != ["schedules"] or len(parts) < 2:
        return None
    asked = query.get("groupName") or request.get("GroupName") or "default"
    group = asked[0] if isinstance(asked, list) else asked
    return f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{parts[1]}"


def _account(request: Request, account: str) -> str:
    member = request.get("AccountId")
    organization = organization_of(account)
    if member is None or organization is None:
        return f"arn:aws:account::{account}:account"
    return f"arn:aws:account::{organization.management_account}:account/{organization.id}/{member}"
