import type { RunnerKind } from '../domain/policy/pipeline.ts';
import { codepipelineState } from './codepipeline-state.ts';
import type { EventContract } from './contract.ts';
import type { PipelineRunChanged } from './run-changed.ts';

/** The event by which each kind of runner reports that a run changed. */
export const RUN_EVENTS: Readonly<Record<RunnerKind, EventContract<PipelineRunChanged>>> = {
  codepipeline: codepipelineState,
};
