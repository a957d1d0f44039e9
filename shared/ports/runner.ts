import type { BuildStatus, RunnerExecution } from '../domain/cause/rebuild.ts';
import type { Pipeline } from '../domain/policy/pipeline.ts';

/** The start request of a rebuild for a pipeline. */
export interface BuildRequest {
  readonly pipeline: Pipeline;
  readonly rebuildId: string;
  /** The same token never starts a second run while the runner knows it. */
  readonly token: string;
}

export type BuildStart =
  | { readonly outcome: 'started'; readonly executionId: string }
  /** The runner is full: retry later. */
  | { readonly outcome: 'busy'; readonly detail: string }
  /** It can never start in this form: the pipeline is missing, or accepts no variables. */
  | { readonly outcome: 'refused'; readonly detail: string };

/** A team's pipeline, called with the build role of its account. */
export interface PipelineRunner {
  /** @throws RunnerUnreachableError if the role cannot be assumed; unclear answers are rethrown */
  start(request: BuildRequest): Promise<BuildStart>;
  status(execution: RunnerExecution): Promise<BuildStatus>;
  /** The run started for a rebuild since an instant; `undefined` if there is none. */
  find(pipeline: Pipeline, rebuildId: string, sinceEpochMs: number): Promise<string | undefined>;
}
