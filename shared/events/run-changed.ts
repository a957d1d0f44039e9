import type { RunnerExecution } from '../domain/cause/rebuild.ts';

/** A run event is only a hint to poll this run: its result is never taken from the event. */
export interface PipelineRunChanged {
  readonly run: RunnerExecution;
  /** The state from the runner, for a reader; the runner may add states, so any text is accepted. */
  readonly state: string;
}
