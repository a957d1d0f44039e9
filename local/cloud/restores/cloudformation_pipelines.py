"""CloudFormation makes the pipelines that a template declares, with builds in projects of CodeBuild.

Each stage holds one action, as everywhere in this CodePipeline. Its source is always there at once; what the project's
environment and service role are is read when a build starts, so a change of the project counts for the next build.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codepipeline-pipeline.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
"""

import json
from typing import Any

import pipelines
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners
from pipeline_model import APPROVE, BUILD, DEPLOY, MODES, SOURCE, Pipeline, ProjectBuild
from upstream import UpstreamChanged

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]

_TYPE = "AWS::CodePipeline::Pipeline"


def restore() -> None:
    if _TYPE in provisioners._RESOURCE_HANDLERS:
        raise UpstreamChanged(f"ministack makes {_TYPE} by now: take this restore out.")
    provisioners._RESOURCE_HANDLERS[_TYPE] = {"create": _create, "update": _update, "delete": _delete}


def _create(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties.get("Name") or provisioners._physical_name(stack, logical_id, max_len=100)
    if pipelines.find(get_account_id(), get_region(), name):
        raise ValueError(f"A pipeline with name '{name}' already exists")
    return _declared(name, properties)


def _update(physical_id: str, _old: Properties, new: Properties, _stack: str) -> Made:
    return _declared(physical_id, new)


def _declared(name: str, properties: Properties) -> Made:
    pipeline = _pipeline(name, properties)
    pipelines.declare(pipeline)
    return name, {"Version": str(pipeline.version)}


def _delete(physical_id: str, _properties: Properties) -> None:
    pipelines.forget(get_account_id(), get_region(), physical_id)


def _pipeline(name: str, properties: Properties) -> Pipeline:
    actions = {stage["Name"]: stage["Actions"] for stage in properties["Stages"]}
    for stage, declared in actions.items():
        if stage not in (SOURCE, APPROVE, BUILD, DEPLOY) or len(declared) != 1:
            raise ValueError(f"Stage {stage}: this CodePipeline has Source, Approve, Build and Deploy, each with one action")
    mode = properties.get("ExecutionMode", MODES[0])
    if mode not in MODES:
        raise ValueError(f"ExecutionMode must be one of {', '.join(MODES)}, not {mode}")
    return Pipeline(
        account=get_account_id(), region=get_region(), name=name, mode=mode, stages=tuple(actions),
        variables={each["Name"]: each.get("DefaultValue") for each in properties.get("Variables", [])},
        definition={}, build=_build(properties["RoleArn"], actions[SOURCE][0], actions[BUILD][0]),
    )  # fmt: skip


def _build(role: str, source: Properties, build: Properties) -> ProjectBuild:
    if build["ActionTypeId"]["Provider"] != "CodeBuild":
        raise ValueError(f"Provider {build['ActionTypeId']['Provider']}: only CodeBuild builds here")
    configuration = build["Configuration"]
    return ProjectBuild(
        project=configuration["ProjectName"], pipeline_role=role,
        environment=json.loads(configuration.get("EnvironmentVariables", "[]")),
        source_namespace=source.get("Namespace", ""), source=source["Configuration"],
    )  # fmt: skip
