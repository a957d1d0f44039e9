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
# What a stage does, by the category of its action.
_KINDS = {"Source": SOURCE, "Approval": APPROVE, "Build": BUILD, "Deploy": DEPLOY}


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
    actions: dict[str, Properties] = {}
    names: dict[str, tuple[str, str]] = {}
    for stage in properties["Stages"]:
        declared = stage["Actions"]
        kind = _KINDS.get(declared[0]["ActionTypeId"]["Category"])
        if kind is None or kind in actions or len(declared) != 1:
            raise ValueError(
                f"Stage {stage['Name']}: this CodePipeline has at most one stage each to take a source, approve, build and "
                "deploy, each with one action"
            )
        actions[kind], names[kind] = declared[0], (stage["Name"], declared[0]["Name"])
    mode = properties.get("ExecutionMode", MODES[0])
    if mode not in MODES:
        raise ValueError(f"ExecutionMode must be one of {', '.join(MODES)}, not {mode}")
    return Pipeline(
        account=get_account_id(), region=get_region(), name=name, mode=mode, stages=tuple(actions),
        variables={each["Name"]: each.get("DefaultValue") for each in properties.get("Variables", [])},
        definition={}, build=_build(properties, actions[SOURCE], actions[BUILD]), names=names,
    )  # fmt: skip


def _build(pipeline: Properties, source: Properties, build: Properties) -> ProjectBuild:
    if build["ActionTypeId"]["Provider"] != "CodeBuild":
        raise ValueError(f"Provider {build['ActionTypeId']['Provider']}: only CodeBuild builds here")
    if source["ActionTypeId"]["Provider"] != "CodeStarSourceConnection":
        raise ValueError(f"Provider {source['ActionTypeId']['Provider']}: a source is behind a connection here")
    configuration, store = build["Configuration"], pipeline["ArtifactStore"]
    return ProjectBuild(
        project=configuration["ProjectName"], pipeline_role=pipeline["RoleArn"],
        environment=json.loads(configuration.get("EnvironmentVariables", "[]")),
        source_namespace=source.get("Namespace", ""), source=source["Configuration"],
        bucket=store["Location"], key=store.get("EncryptionKey", {}).get("Id"), artifact=build["InputArtifacts"][0]["Name"],
    )  # fmt: skip
