"""What a pipeline, its executions and their actions are, in the words of CodePipeline's API."""

import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import new_uuid

SOURCE, APPROVE, BUILD, DEPLOY = "Source", "Approve", "Build", "Deploy"
MODES = ("SUPERSEDED", "QUEUED", "PARALLEL")
# Executions in progress at once, in QUEUED and PARALLEL mode.
LIMIT = 50


@dataclass
class Action:
    """One run of a stage's action. `status` is the API's: InProgress, Abandoned, Succeeded or Failed."""

    stage: str
    id: str = field(default_factory=new_uuid)
    status: str = "InProgress"
    started_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    summary: str = ""
    output_variables: dict[str, str] = field(default_factory=dict)
    approval_token: str | None = None

    def end(self, status: str, summary: str = "", output_variables: dict[str, str] | None = None) -> None:
        self.status, self.summary, self.updated_at = status, summary, time.time()
        self.output_variables = output_variables or {}


@dataclass(eq=False)
class Execution:
    """One execution; `number` counts those of its pipeline from 1. `status` is the API's."""

    id: str
    number: int
    variables: dict[str, str]
    trigger_detail: str
    status: str = "InProgress"
    summary: str = ""
    stop_reason: str | None = None
    started_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    actions: list[Action] = field(default_factory=list)

    @property
    def running(self) -> Action | None:
        """The action in progress; None between two stages."""
        last = self.actions[-1] if self.actions else None
        return last if last and last.status == "InProgress" else None

    @property
    def is_open(self) -> bool:
        return self.status in ("InProgress", "Stopping")


@dataclass(frozen=True)
class ProjectBuild:
    """The build of a pipeline in a project of CodeBuild, as a template declares it."""

    project: str
    pipeline_role: str
    environment: list[dict[str, str]]
    source_namespace: str
    source: dict[str, str]
    # Where the pipeline keeps its artifacts, and the one that the build reads.
    bucket: str
    key: str | None
    artifact: str


@dataclass(eq=False)
class Pipeline:
    """A declared pipeline. `variables` maps each declared name to its default, None where there is none."""

    account: str
    region: str
    name: str
    mode: str
    stages: tuple[str, ...]
    variables: dict[str, str | None]
    definition: dict[str, Any]
    limit: int = LIMIT
    # What it builds in CodeBuild; None where `definition` says it.
    build: ProjectBuild | None = None
    # The names of a stage and of its action, where they are not those of the stage here.
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    version: int = 1
    created_at: float = field(default_factory=time.time)
    executions: list[Execution] = field(default_factory=list)
    by_token: dict[str, Execution] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:codepipeline:{self.region}:{self.account}:{self.name}"

    def next_stage(self, execution: Execution) -> str | None:
        done = len(execution.actions)
        return self.stages[done] if done < len(self.stages) else None

    def names_of(self, stage: str) -> tuple[str, str]:
        return self.names.get(stage, (stage, stage))
