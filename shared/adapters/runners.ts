import type { BuildStatus, RunnerExecution } from '../domain/cause/rebuild.ts';
import type { Pipeline, RunnerKind } from '../domain/policy/pipeline.ts';
import { RunnerUnreachableError } from '../ports/acting-errors.ts';
import type { BuildRequest, BuildStart, PipelineRunner } from '../ports/runner.ts';
import { type MemberAccess, pipelineClients } from './clients.ts';
import { CodePipelineRunner } from './codepipeline-runner.ts';

/** The adapter of each kind of runner. */
const RUNNERS: Readonly<Record<RunnerKind, (access: MemberAccess) => PipelineRunner>> = {
  codepipeline: (access) => new CodePipelineRunner(pipelineClients(access)),
};

/** Calls each pipeline with the adapter of its runner. A runner kind of a later version is unreachable. */
export class Runners implements PipelineRunner {
  readonly #runners: ReadonlyMap<string, PipelineRunner>;

  constructor(access: MemberAccess) {
    this.#runners = new Map(Object.entries(RUNNERS).map(([kind, make]) => [kind, make(access)]));
  }

  async start(request: BuildRequest): Promise<BuildStart> {
    return this.#of(request.pipeline).start(request);
  }

  async status(execution: RunnerExecution): Promise<BuildStatus> {
    return this.#of(execution.pipeline).status(execution);
  }

  async find(pipeline: Pipeline, rebuildId: string, sinceEpochMs: number): Promise<string | undefined> {
    return this.#of(pipeline).find(pipeline, rebuildId, sinceEpochMs);
  }

  #of(pipeline: Pipeline): PipelineRunner {
    const runner = this.#runners.get(pipeline.runner);
    if (runner) return runner;
    throw new RunnerUnreachableError(pipeline, new TypeError(`this version knows no runner "${pipeline.runner}"`));
  }
}
