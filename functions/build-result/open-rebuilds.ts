import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Rebuild, StreamLock } from '../../shared/domain/rebuild.ts';
import type { LockLedger, RebuildLedger } from '../../shared/ports/rebuilds.ts';

const READS_AT_ONCE = 10;

/** Rebuilds that hold the lock of their stream: as many as caps allow. */
export type OpenRebuilds = () => Promise<readonly Rebuild[]>;

interface Ports {
  readonly locks: Pick<LockLedger, 'all'>;
  readonly rebuilds: Pick<RebuildLedger, 'get'>;
}

/** Read at the first question, and once for a whole batch of messages. */
export function openRebuildsOnce(ports: Ports): OpenRebuilds {
  let asked: ReturnType<OpenRebuilds> | undefined;
  return () => {
    asked ??= readOpen(ports);
    return asked;
  };
}

async function readOpen({ locks, rebuilds }: Ports): Promise<readonly Rebuild[]> {
  const held: StreamLock[] = [];
  for await (const page of locks.all()) held.push(...page);
  const read = await mapConcurrently(held, READS_AT_ONCE, ({ stream, rebuildId }) => rebuilds.get(stream, rebuildId));
  return read.filter((rebuild) => rebuild !== undefined);
}
