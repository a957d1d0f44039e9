import type { RunnerKind } from '../domain/policy/pipeline.ts';
import { codepipelineState } from './codepipeline-state.ts';
import type { EventContract } from './contract.ts';
import type { PipelineRunChanged } from './run-changed.ts';

/** By which event each kind of runner says that a run went on. */
export const RUN_EVENTS: Readonly<Record<RunnerKind, EventContract<PipelineRunChanged>>> = {
  codepipeline: codepipelineState,
};
