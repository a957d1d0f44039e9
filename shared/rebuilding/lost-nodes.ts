import { collect } from '../concurrency.ts';
import type { Cascade } from '../domain/cause/cascade.ts';
import { RunFileMissingError } from '../ports/errors.ts';
import type { CauseLedger } from '../ports/ledger.ts';
import type { LockLedger } from '../ports/rebuilds.ts';
import type { RunFiles } from '../ports/run-files.ts';
import { cascadeFileKeys } from './cascade-files.ts';

export interface LostNodePorts {
  readonly causes: Pick<CauseLedger, 'open'>;
  readonly locks: Pick<LockLedger, 'all'>;
  readonly files: Pick<RunFiles, 'get' | 'list'>;
}

/**
 * Streams of a cascade with missing nodes, sorted: those whose lock or cause belongs to it, and those that its machine
 * received.
 * @param found streams of the nodes in the ledger
 */
export async function lostStreams(
  ports: LostNodePorts,
  { cascadeId }: Cascade,
  found: ReadonlySet<string>,
): Promise<readonly string[]> {
  const causes = (await collect(ports.causes.open())).filter(({ takenBy }) => takenBy?.cascadeId === cascadeId);
  const locks = await locksOf(ports, cascadeId);
  const known = [...causes, ...locks, ...(await membersOfWaves(ports, cascadeId))];
  return [...new Set(known.map(({ stream }) => stream))].filter((stream) => !found.has(stream)).sort();
}

export const locksOf = async ({ locks }: Pick<LostNodePorts, 'locks'>, cascadeId: string) =>
  (await collect(locks.all())).flat().filter((lock) => lock.cascadeId === cascadeId);

interface WaveMember {
  readonly stream: string;
}

/** The files written when the cascade began. They expire after a week; missing files name no streams. */
async function membersOfWaves(
  { files }: Pick<LostNodePorts, 'files'>,
  cascadeId: string,
): Promise<readonly WaveMember[]> {
  const members: WaveMember[] = [];
  for await (const key of files.list(cascadeFileKeys(cascadeId).waves)) {
    try {
      members.push(...((await files.get(key)) as readonly WaveMember[]));
    } catch (error) {
      if (!(error instanceof RunFileMissingError)) throw error;
    }
  }
  return members;
}
