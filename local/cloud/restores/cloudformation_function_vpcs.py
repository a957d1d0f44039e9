"""A function of a template is in the VPC of its `VpcConfig`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-vpcconfig.html
"""

from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners
from upstream import wrap


def restore() -> None:
    wrap(provisioners, "_lambda_create", "8b2cf80e961d", _create)
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"] = provisioners._lambda_create


def _create(original: Any, logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    name, attributes = original(logical_id, properties, stack)
    vpc = properties.get("VpcConfig")
    lambda_svc._functions[name]["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(vpc)
    return name, attributes
