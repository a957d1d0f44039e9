import { type BuildState, type BuildStatus, isTerminal, type Rebuild } from '../domain/cause/rebuild.ts';
import type { Digest } from '../domain/image/image.ts';

/** No further change will come: it has ended, or its runner does not know it. */
export const isBuildOver = (build: BuildStatus | undefined): build is BuildStatus =>
  build !== undefined && (isTerminal(build.state) || build.state === 'unknown');

/** A start was requested or is being requested, so a run may exist. */
export const hasBegun = ({
  startingAtEpochMs,
  executionId,
}: Pick<Rebuild, 'startingAtEpochMs' | 'executionId'>): boolean =>
  startingAtEpochMs !== undefined || executionId !== undefined;

/** Whether its run may still be working; then no other run of the stream may start. */
export const mayStillRun = (rebuild: Rebuild, nowEpochMs: number): boolean =>
  hasBegun(rebuild) && !isBuildOver(rebuild.build) && nowEpochMs < rebuild.deadlineEpochMs;

/**
 * Whether another cascade may resume a parked rebuild: its run has made something that is not verified yet. Past its
 * deadline no cascade resumed it in time, and it is ended.
 */
export const isResumable = (
  { parked, build, outcome, deadlineEpochMs }: Pick<Rebuild, 'parked' | 'build' | 'outcome' | 'deadlineEpochMs'>,
  nowEpochMs: number,
): boolean =>
  parked !== undefined && outcome === undefined && build?.state === 'succeeded' && nowEpochMs < deadlineEpochMs;

/** Whether a rebuild without a working cascade still owns its stream. */
export const holdsStream = (rebuild: Rebuild, nowEpochMs: number): boolean =>
  mayStillRun(rebuild, nowEpochMs) || isResumable(rebuild, nowEpochMs);

/** The result for the step that waits for a build. */
export interface BuildEnd {
  readonly state: BuildState;
  readonly outputDigest?: Digest;
}

/** The end of a build as its runner reported it; an abandoned one counts as failed. */
export function buildEndOf({ build, outcome }: Rebuild): BuildEnd | undefined {
  if (isBuildOver(build)) {
    const { state, outputDigest } = build;
    return { state, ...(outputDigest !== undefined && { outputDigest }) };
  }
  return outcome === undefined ? undefined : { state: 'failed' };
}
