import { type BuildState, type BuildStatus, isTerminal, type Rebuild } from '../domain/cause/rebuild.ts';
import type { Digest } from '../domain/image/image.ts';

/** No end of it will come any more: it has ended, or its runner does not know it. */
export const isBuildOver = (build: BuildStatus | undefined): build is BuildStatus =>
  build !== undefined && (isTerminal(build.state) || build.state === 'unknown');

/** The runner was asked to start it, or is being asked: a run may be there. */
export const hasBegun = ({
  startingAtEpochMs,
  executionId,
}: Pick<Rebuild, 'startingAtEpochMs' | 'executionId'>): boolean =>
  startingAtEpochMs !== undefined || executionId !== undefined;

/** Whether a run of it may still work: then nobody else may start one of the same stream. */
export const mayStillRun = (rebuild: Rebuild, nowEpochMs: number): boolean =>
  hasBegun(rebuild) && !isBuildOver(rebuild.build) && nowEpochMs < rebuild.deadlineEpochMs;

/**
 * Whether another cascade may take up a parked rebuild: its run has made something that was not verified yet. Past its
 * deadline no cascade did in time, and it is ended.
 */
export const isResumable = (
  { parked, build, outcome, deadlineEpochMs }: Pick<Rebuild, 'parked' | 'build' | 'outcome' | 'deadlineEpochMs'>,
  nowEpochMs: number,
): boolean =>
  parked !== undefined && outcome === undefined && build?.state === 'succeeded' && nowEpochMs < deadlineEpochMs;

/** Whether the stream of a rebuild that no cascade works on is still its own. */
export const holdsStream = (rebuild: Rebuild, nowEpochMs: number): boolean =>
  mayStillRun(rebuild, nowEpochMs) || isResumable(rebuild, nowEpochMs);

/** What the step that waits for a build is told of its end. */
export interface BuildEnd {
  readonly state: BuildState;
  readonly outputDigest?: Digest;
}

/** The end of a build as its runner told it; of one that was given up, that it failed. */
export function endOf({ build, outcome }: Rebuild): BuildEnd | undefined {
  if (isBuildOver(build)) {
    const { state, outputDigest } = build;
    return { state, ...(outputDigest !== undefined && { outputDigest }) };
  }
  return outcome === undefined ? undefined : { state: 'failed' };
}
