"""The work of pipelines: what a builder outside of this process takes, does and reports."""

import asyncio
from collections import deque
from typing import Any

import build_projects
from pipeline_model import Execution, Pipeline

_jobs: deque[tuple[Pipeline, Execution, str]] = deque()
_takers: deque[asyncio.Future[None]] = deque()


def add(pipeline: Pipeline, execution: Execution, stage: str) -> None:
    _jobs.append((pipeline, execution, stage))
    _wake_one()


async def take(wait_seconds: float) -> dict[str, Any] | None:
    """The oldest job that is still to be done; None when there is none for so long."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + wait_seconds
    while (job := _next()) is None:
        left = ends_at - loop.time()
        if left <= 0:
            return None
        taker = loop.create_future()
        _takers.append(taker)
        await asyncio.wait([taker], timeout=left)
        taker.cancel()
    return job


def _wake_one() -> None:
    while _takers:
        taker = _takers.popleft()
        if not taker.done():
            taker.set_result(None)
            return


def _next() -> dict[str, Any] | None:
    while _jobs:
        pipeline, execution, stage = _jobs.popleft()
        action = execution.running
        # An action that was abandoned meanwhile needs no work.
        if action is not None and action.stage == stage:
            return _described(pipeline, execution, stage)
    return None


def _described(pipeline: Pipeline, execution: Execution, stage: str) -> dict[str, Any]:
    outputs = {name: value for action in execution.actions for name, value in action.output_variables.items()}
    build = {"build": build_projects.described(pipeline, pipeline.build)} if pipeline.build else {}
    return {
        "account": pipeline.account, "region": pipeline.region, "pipeline": pipeline.name,
        "executionId": execution.id, "number": execution.number, "stage": stage,
        "variables": execution.variables, "outputs": outputs, "definition": pipeline.definition, **build,
    }  # fmt: skip
