/** A cluster as its controllers and nodes see it, and when they look again. */

import type { ImageRuntime } from './image-runtime.ts';
import type { ObjectApi } from './object-api.ts';

export interface ControlledCluster {
  readonly api: ObjectApi;
  readonly runtime: ImageRuntime;
  /** How long the containers of a new pod take to start; left out: no time. */
  readonly startMs?: number;
  /** Left out: that of the machine. */
  readonly nowEpochMs?: () => number;
}

/** After how long a controller has something to do again, without any write; `undefined`: never. */
export type WaitMs = number | undefined;

export const soonest = (waits: readonly WaitMs[]): WaitMs => {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

export const nowOf = ({ nowEpochMs = Date.now }: ControlledCluster): number => nowEpochMs();
