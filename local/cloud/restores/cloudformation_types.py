"""CloudFormation takes the resource types that ministack refuses, with which it fails a whole template.

Bus policies, archives, scanning configurations and exclusions of pull times are made as declared. The id of a statement of a bus policy is its
physical id, so no other stack of the account and Region may have the same one. The other types are kept as records
only; `_RECORDED` says for each why nothing here depends on it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbuspolicy.html
https://github.com/aws/aws-cdk/issues/29627
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-archive.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-pulltimeupdateexclusion.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-registryscanningconfiguration.html
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners
from registry import registry
from upstream import UpstreamChanged, pinned

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]

_RECORDED = {
    "AWS::ApplicationInsights::Application": "observes only, nothing reads it",
    "AWS::Budgets::Budget": "nothing costs money here",
    "AWS::CloudFormation::StackSet": "members are given their stack by its template, one by one",
    "AWS::CloudWatch::AnomalyDetector": "there is no history to learn from",
    "AWS::CloudWatch::CompositeAlarm": "the alarms it combines are evaluated, the combination is not",
    "AWS::CodeDeploy::Application": "an alias of a function moves to a new version at once here",
    "AWS::CodeDeploy::DeploymentGroup": "an alias of a function moves to a new version at once here",
    "AWS::ECR::RepositoryCreationTemplate": "a push creates no repository here",
    "AWS::ECR::SigningConfiguration": "nothing is signed here",
    "AWS::EKS::AccessEntry": "the local Kubernetes API has its own authorization",
    "AWS::InspectorV2::Filter": "Inspector's findings are not filtered here",
    "AWS::ResourceGroups::Group": "groups are looked at in the console only",
    "AWS::SecurityHub::AutomationRule": "there is no Security Hub here",
    "AWS::XRay::Group": "no traces are kept here",
    "AWS::XRay::SamplingRule": "no traces are kept here",
    "AWS::XRay::TransactionSearchConfig": "no traces are kept here",
}


# The stack that has a statement, by account, Region and id.
_statements: dict[tuple[str, str, str], str] = {}


def restore() -> None:
    pinned(provisioners._provision_resource, "3b8f01fb1871")
    for resource_type in _RECORDED:
        _add(resource_type, _record, lambda _id, _properties: None)
    _add("AWS::Events::EventBusPolicy", _put_bus_statement, _remove_bus_statement)
    _add("AWS::Events::Archive", _create_archive, _delete_archive)
    _add("AWS::ECR::PullTimeUpdateExclusion", _exclude_pulls, _include_pulls)
    _add("AWS::ECR::RegistryScanningConfiguration", _put_scanning, lambda _id, _properties: None)


def _add(resource_type: str, create: Callable[..., Made], delete: Callable[[str, Properties], None]) -> None:
    # An upstream that learned the type must be noticed: its own handler is the better one.
    if resource_type in provisioners._RESOURCE_HANDLERS:
        raise UpstreamChanged(f"ministack makes {resource_type} by now: take it out of this restore.")

    def update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Made:
        delete(physical_id, old)
        return create(logical_id, new, stack)

    provisioners._RESOURCE_HANDLERS[resource_type] = {
        "create": create, "update": update, "update_with_logical_id": True, "delete": delete,
    }  # fmt: skip


def _record(logical_id: str, _properties: Properties, stack: str) -> Made:
    return f"{stack}-{logical_id}", {"Arn": f"arn:aws:cloudformation:{get_region()}:{get_account_id()}:record/{new_uuid()}"}


def _bus_name(properties: Properties) -> str:
    return properties.get("EventBusName", "default").rsplit("/", 1)[-1]


def _put_bus_statement(_logical_id: str, properties: Properties, stack: str) -> Made:
    bus, sid = _bus_name(properties), properties["StatementId"]
    if bus != "default" and bus not in eventbridge._event_buses:
        raise ValueError(f"Event bus {bus} does not exist.")
    owner = _statements.setdefault((get_account_id(), get_region(), sid), stack)
    if owner != stack:
        raise ValueError(f"{sid} already exists in stack {owner}")
    statement = properties.get("Statement") or {
        "Effect": "Allow", "Principal": properties["Principal"], "Action": properties["Action"],
        "Resource": f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{bus}",
        **({"Condition": properties["Condition"]} if "Condition" in properties else {}),
    }  # fmt: skip
    if isinstance(statement, str):
        statement = json.loads(statement)
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    others = [each for each in policy["Statement"] if each.get("Sid") != sid]
    eventbridge._event_bus_policies[bus] = {**policy, "Statement": [*others, {"Sid": sid, **statement}]}
    return sid, {}


def _remove_bus_statement(_physical_id: str, properties: Properties) -> None:
    _statements.pop((get_account_id(), get_region(), properties["StatementId"]), None)
    eventbridge._remove_permission({"EventBusName": _bus_name(properties), "StatementId": properties["StatementId"]})


def _create_archive(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties.get("ArchiveName") or f"{stack}-{logical_id}"[:48]
    pattern = properties.get("EventPattern", "")
    request = {
        **properties, "ArchiveName": name, "EventSourceArn": properties["SourceArn"],
        "EventPattern": pattern if isinstance(pattern, str) else json.dumps(pattern),
    }  # fmt: skip
    status, _, body = eventbridge._create_archive(request)
    answer = json.loads(body)
    if status != 200:
        raise ValueError(answer["message"])
    return name, {"Arn": answer["ArchiveArn"]}


def _delete_archive(physical_id: str, _properties: Properties) -> None:
    eventbridge._delete_archive({"ArchiveName": physical_id})


def _exclude_pulls(_logical_id: str, properties: Properties, _stack: str) -> Made:
    principal = properties["PrincipalArn"]
    if principal in registry().pull_exclusions:
        raise ValueError(f"The exclusion of {principal} already exists.")
    registry().pull_exclusions[principal] = time.time()
    return principal, {}


def _include_pulls(physical_id: str, _properties: Properties) -> None:
    registry().pull_exclusions.pop(physical_id, None)


def _put_scanning(_logical_id: str, properties: Properties, _stack: str) -> Made:
    registry().scan_type = properties["ScanType"]
    registry().rules = [
        {
            "scanFrequency": rule["ScanFrequency"],
            "repositoryFilters": [
                {"filter": each["Filter"], "filterType": each["FilterType"]} for each in rule["RepositoryFilters"]
            ],
        }
        for rule in properties.get("Rules", [])
    ]
    return get_account_id(), {"RegistryId": get_account_id()}
