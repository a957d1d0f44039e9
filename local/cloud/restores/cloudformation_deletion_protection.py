"""CloudFormation does not delete a table whose deletion protection is on: rolling back its creation fails.

RetainExceptOnCreate deletes what the operation itself created, and DynamoDB refuses that. The stack stays as
ROLLBACK_FAILED.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html#WorkingWithTables.Basics.DeletionProtection
"""

from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners
from upstream import wrap


def restore() -> None:
    wrap(provisioners, "_ddb_delete", "33ee7316b2ca", _delete)
    provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]["delete"] = provisioners._ddb_delete


def _delete(original: Any, physical_id: str, properties: dict[str, Any]) -> None:
    table = dynamodb._tables.get(physical_id)
    if table is not None and table.get("DeletionProtectionEnabled") in (True, "true"):
        raise ValueError(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection "
            f"first: {physical_id}"
        )
    original(physical_id, properties)
