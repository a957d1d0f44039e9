import { mapConcurrently } from '../concurrency.ts';
import type { Rebuild, StreamLock } from '../domain/cause/rebuild.ts';
import { unlessUnreadable } from '../planning/unless-unreadable.ts';
import type { LockLedger, RebuildLedger } from '../ports/rebuilds.ts';

const READS_AT_ONCE = 10;

/** Rebuilds that own the lock of their stream: as many as caps allow. */
export type OpenRebuilds = () => Promise<readonly Rebuild[]>;

export interface OpenRebuildPorts {
  readonly locks: Pick<LockLedger, 'all'>;
  readonly rebuilds: Pick<RebuildLedger, 'get'>;
}

/** Read on first use, once for a whole batch of messages. */
export function openRebuildsOnce(ports: OpenRebuildPorts): OpenRebuilds {
  let asked: ReturnType<OpenRebuilds> | undefined;
  return () => {
    asked ??= readOpenRebuilds(ports);
    return asked;
  };
}

/** An unreadable one is left out, so that the others still get their end. */
export async function readOpenRebuilds({ locks, rebuilds }: OpenRebuildPorts): Promise<readonly Rebuild[]> {
  const held: StreamLock[] = [];
  for await (const page of locks.all()) held.push(...page);
  const read = await mapConcurrently(held, READS_AT_ONCE, ({ stream, rebuildId }) =>
    unlessUnreadable(rebuilds.get(stream, rebuildId), undefined),
  );
  return read.filter((rebuild) => rebuild !== undefined);
}
