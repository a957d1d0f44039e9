"""`PUT pipelines`: declares pipelines. `POST builds/take` and `POST builds/report`: the work of their actions.

A pipeline is `{account, region, name, mode?, approval?, deploys?, variables?, limit?, definition?}`: `approval` is
`before-build` or `after-build`, `deploys` adds a last stage, `variables` is a list of `{name, default?}`. The
`definition` is the builder's own and handed to it with each job.
"""

from typing import Any

import pipeline_jobs
import pipelines
from admin import BadRequest
from pipeline_model import APPROVE, BUILD, DEPLOY, LIMIT, MODES, SOURCE, Pipeline

_APPROVALS = (None, "before-build", "after-build")
_LONGEST_WAIT_SECONDS = 30.0


def _declare(body: dict[str, Any]) -> dict[str, Any]:
    declared = [_pipeline(each, f"pipelines[{index}]") for index, each in enumerate(body["pipelines"])]
    for pipeline in declared:
        pipelines.declare(pipeline)
    return {"declared": len(declared)}


def _pipeline(given: dict[str, Any], path: str) -> Pipeline:
    mode, approval = given.get("mode", MODES[0]), given.get("approval")
    if mode not in MODES:
        raise BadRequest(f"{path}.mode must be one of {', '.join(MODES)}, not {mode!r}")
    if approval not in _APPROVALS:
        raise BadRequest(f"{path}.approval must be before-build or after-build, not {approval!r}")
    before, after = approval == "before-build", approval == "after-build"
    stages = [SOURCE, *[APPROVE] * before, BUILD, *[APPROVE] * after, *[DEPLOY] * bool(given.get("deploys"))]
    return Pipeline(
        account=given["account"], region=given["region"], name=given["name"], mode=mode, stages=tuple(stages),
        variables={each["name"]: each.get("default") for each in given.get("variables", [])},
        definition=given.get("definition", {}), limit=int(given.get("limit", LIMIT)),
    )  # fmt: skip


async def _take(body: dict[str, Any]) -> dict[str, Any]:
    job = await pipeline_jobs.take(min(float(body.get("waitMs", 0)) / 1000, _LONGEST_WAIT_SECONDS))
    return {"job": job} if job else {}


def _report(body: dict[str, Any]) -> dict[str, Any]:
    """How an action ended; not accepted when it was abandoned meanwhile."""
    if body["status"] not in ("Succeeded", "Failed"):
        raise BadRequest(f"status must be Succeeded or Failed, not {body['status']!r}")
    pipeline = pipelines.find(body["account"], body["region"], body["pipeline"])
    execution = pipeline and pipelines.find_execution(pipeline, body["executionId"])
    if pipeline is None or execution is None:
        raise BadRequest(f"{body['pipeline']} of {body['account']} has no execution {body['executionId']}")
    if execution.running is None or execution.running.stage != body["stage"]:
        return {"accepted": False}
    outputs = body.get("outputVariables", {})
    pipelines.end_action(pipeline, execution, body["status"], body.get("summary", ""), outputs)
    return {"accepted": True}


ROUTES = {("PUT", "pipelines"): _declare, ("POST", "builds/take"): _take, ("POST", "builds/report"): _report}
