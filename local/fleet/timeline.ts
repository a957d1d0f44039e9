import { inParallel } from './parallel.ts';

/** Something that happened: a tag was put, or a workload started. */
export interface Happening {
  readonly daysAgo: number;
  /** The place and name of the tag it moves; a start moves none. */
  readonly movesTag?: string;
  readonly run: () => Promise<void>;
}

/**
 * Replays what happened, oldest first, a push before a start of the same instant. What does not depend on the order
 * runs at the same time: starts between two pushes, and pushes between two starts that move different tags.
 */
export async function replay(happenings: readonly Happening[], limit: number): Promise<void> {
  for (const batch of batchesOf(happenings)) await inParallel(limit, batch, ({ run }) => run());
}

export function batchesOf(happenings: readonly Happening[]): Happening[][] {
  const isStart = ({ movesTag }: Happening) => movesTag === undefined;
  const ordered = happenings.toSorted((a, b) => b.daysAgo - a.daysAgo || Number(isStart(a)) - Number(isStart(b)));
  const batches: Happening[][] = [];
  let batch: Happening[] = [];
  let moved = new Set<string>();
  for (const happening of ordered) {
    const [first] = batch;
    const another = first !== undefined && isStart(first) !== isStart(happening);
    if (another || (happening.movesTag !== undefined && moved.has(happening.movesTag))) {
      batches.push(batch);
      batch = [];
      moved = new Set();
    }
    batch.push(happening);
    if (happening.movesTag !== undefined) moved.add(happening.movesTag);
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}
