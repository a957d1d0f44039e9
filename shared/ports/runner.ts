import type { BuildStatus, RunnerExecution } from '../domain/cause/rebuild.ts';
import type { Pipeline } from '../domain/policy/pipeline.ts';

/** What a rebuild asks a pipeline for. */
export interface BuildRequest {
  readonly pipeline: Pipeline;
  readonly rebuildId: string;
  /** The same token never starts a second run while the runner remembers it. */
  readonly token: string;
}

export type BuildStart =
  | { readonly outcome: 'started'; readonly executionId: string }
  /** The runner is full: ask again later. */
  | { readonly outcome: 'busy'; readonly detail: string }
  /** It will never start as it is asked: the pipeline is not there, or takes no variables. */
  | { readonly outcome: 'refused'; readonly detail: string };

/** A team's pipeline, asked with the build role of its account. */
export interface PipelineRunner {
  /** @throws RunnerUnreachableError where the role cannot be taken; what is neither yes nor no is thrown as it is. */
  start(request: BuildRequest): Promise<BuildStart>;
  status(execution: RunnerExecution): Promise<BuildStatus>;
  /** The run that was started for a rebuild since an instant; `undefined` where there is none. */
  find(pipeline: Pipeline, rebuildId: string, sinceEpochMs: number): Promise<string | undefined>;
}
