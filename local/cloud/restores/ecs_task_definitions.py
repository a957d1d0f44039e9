"""A task definition that is described can be registered again: it has every member it was given, and no empty ones.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
"""

from typing import Any

from ministack.core.responses import json_response
from ministack.services import ecs
from operations import Operation, Reply, Request, json_of, replace_in_ecs

_KEPT_TOO = ("inferenceAccelerators", "enableFaultInjection")
_OF_CONTAINERS = {"environment": [], "mountPoints": [], "volumesFrom": [], "portMappings": [], "systemControls": []}


def restore() -> None:
    replace_in_ecs("RegisterTaskDefinition", "824afe19e6a1", _registering)
    replace_in_ecs("DescribeTaskDefinition", "bd62cba4a625", _describing)


def _registering(so_far: Operation) -> Operation:
    def operation(request: Request) -> Reply:
        answer = json_of(so_far(request))
        key = "{family}:{revision}".format(**answer["taskDefinition"])
        definition = ecs._task_defs[key]
        definition.update({name: request[name] for name in _KEPT_TOO if name in request})
        for container in definition["containerDefinitions"]:
            # AWS answers with these whether or not they were given.
            for name, value in _OF_CONTAINERS.items():
                container.setdefault(name, list(value))
        return json_response({**answer, "taskDefinition": _described(definition)})

    return operation


def _describing(so_far: Operation) -> Operation:
    def operation(request: Request) -> Reply:
        answer = json_of(so_far(request))
        answered = {"taskDefinition": _described(answer["taskDefinition"])}
        return json_response({**answered, "tags": answer["tags"]} if "TAGS" in request.get("include", []) else answered)

    return operation


def _described(definition: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if value not in ("", None)}
