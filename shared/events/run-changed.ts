import type { RunnerExecution } from '../domain/cause/rebuild.ts';

/** What the event of a run is taken for: a hint to look at this run. What became of it is read, never believed from here. */
export interface PipelineRunChanged {
  readonly run: RunnerExecution;
  /** In the words of the runner, for a reader; the runner may add some, so any text is taken. */
  readonly state: string;
}
