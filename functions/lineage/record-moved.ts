import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { hasEnded } from '../../shared/domain/cause/cascade.ts';
import { mergeMoved, PARENT_MOVED } from '../../shared/domain/cause/cause.ts';
import type { StaleParent } from '../../shared/domain/lineage/stale-parent.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { headDigestOf } from '../../shared/domain/stream/heads.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { LineageFailure } from '../../shared/inventory/read-fleet.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { CauseLedger } from '../../shared/ports/ledger.ts';

const WRITES_AT_ONCE = 8;

export interface MovedPorts {
  readonly causes: Pick<CauseLedger, 'change'>;
  readonly cascades: Pick<CascadeLedger, 'open' | 'node'>;
}

/** A stream whose heads are built on older images of their parent streams. */
export interface StreamWithStaleParents {
  /** Without a head if it was never read: the planner requests it. */
  readonly record: Pick<StreamRecord, 'stream' | 'tier' | 'head'>;
  readonly staleParents: readonly StaleParent[];
}

/**
 * Opens a cause for streams whose parent has moved, unless an open cascade still rebuilds the stream: its own pushes
 * start nothing. A mirrored stream is skipped, because its vendor builds it; so is an application that does not run, as the
 * policy says.
 * @param runs whether any image of a stream runs
 * @returns the streams that could not be read or written; a failure stops no other
 */
export async function recordMoved(
  { causes, cascades }: MovedPorts,
  { caps }: Policy,
  streams: readonly StreamWithStaleParents[],
  runs: (stream: string) => boolean | Promise<boolean>,
  nowEpochMs: number,
): Promise<readonly LineageFailure[]> {
  if (!caps.followParents || streams.length === 0) return [];
  const open = await collect(cascades.open());
  const isStillRebuilt = async ({ stream, head }: StreamWithStaleParents['record']): Promise<boolean> => {
    for (const { cascadeId } of open) {
      const node = await cascades.node(cascadeId, stream);
      const isToCome = node?.work === 'rebuild' && !hasEnded(node) && node.output !== headDigestOf(head);
      if (isToCome) return true;
    }
    return false;
  };
  const failures = await mapConcurrently(streams, WRITES_AT_ONCE, async ({ record, staleParents }) => {
    const { stream, tier } = record;
    try {
      if (tier === 'mirrored') return [];
      if (tier === 'application' && caps.onlyApplicationsInUse && !(await runs(stream))) return [];
      if (await isStillRebuilt(record)) return [];
      await causes.change(stream, (before) => mergeMoved(stream, before, movedBy(staleParents, nowEpochMs)));
      return [];
    } catch (error) {
      return [{ key: stream, error }];
    }
  });
  return failures.flat();
}

/** Heads of several platforms may share a parent stream and are stale together. */
const movedBy = (staleParents: readonly StaleParent[], sinceEpochMs: number) =>
  [...new Map(staleParents.map((one) => [one.stream, one])).values()].map(({ stream: parent, head }) => ({
    ...({ kind: 'parent-moved', ruleId: PARENT_MOVED, parent, head, sinceEpochMs } as const),
  }));
