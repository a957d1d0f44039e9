"""CloudFormation turns point-in-time recovery of a table on and off, as `PointInTimeRecoverySpecification` says.

Without the property it is off.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-table-pointintimerecoveryspecification.html
"""

from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners
from upstream import wrap


def restore() -> None:
    wrap(provisioners, "_ddb_create", "277586e016c6", _created)
    wrap(provisioners, "_ddb_update", "0665980ffdd0", _updated)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    handlers["create"] = provisioners._ddb_create
    handlers["update"] = provisioners._ddb_update


def _created(original: Any, logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
    result = original(logical_id, properties, stack_name)
    _set_recovery(result[0], properties)
    return result


def _updated(original: Any, physical_id: str, before: dict[str, Any], properties: dict[str, Any], *rest: Any) -> Any:
    result = original(physical_id, before, properties, *rest)
    _set_recovery(result[0], properties)
    return result


def _set_recovery(table: str, properties: dict[str, Any]) -> None:
    specification = properties.get("PointInTimeRecoverySpecification", {})
    dynamodb._pitr_settings[table] = specification.get("PointInTimeRecoveryEnabled") in (True, "true")
