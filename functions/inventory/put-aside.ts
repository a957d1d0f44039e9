import { collect } from '../../shared/concurrency.ts';
import { type Usage, usageKey } from '../../shared/domain/image/usage.ts';
import { isForgotten, keyOfScope, type LeftScope, type Scope } from '../../shared/domain/review/run.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ImageLedger, RunLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { runFileKeys } from '../../shared/review/documents.ts';
import { takeLeftMarksBack } from './announce-marks.ts';
import { markAsUnused, markAsUsed, markGuesses } from './presence.ts';

export interface LeavingPorts {
  readonly images: ImageLedger;
  readonly usages: UsageLedger;
  readonly scopes: ScopeLedger;
  readonly clock: Clock;
}

/**
 * Sets aside the usages of a scope that left: they are neither live nor ended, because no review saw them end. Their
 * images are no longer in use unless something else runs them. Usages that a person confirmed end. The run part is
 * written last.
 */
export async function putAside(
  ports: LeavingPorts & { readonly runs: Pick<RunLedger, 'recordPart'>; readonly files: RunFiles },
  runId: string,
  scope: Scope,
  left: LeftScope,
): Promise<void> {
  const { images, usages, scopes, files, runs, clock } = ports;
  const { atEpochMs } = left;
  if (isForgotten(left, clock())) await usages.end(await collect(usages.left(scope)), clock());
  const leaving = await collect(usages.live(scope));
  const digests = digestsOf(leaving);
  await takeLeftMarksBack(ports, scope, new Set(digests));
  await markGuesses(images, scope, { digests: [], usages: [], ending: leaving, known: new Map() });
  await markAsUnused(ports, digests, leaving);
  await usages.leave(leaving, atEpochMs);
  // An earlier attempt may have set some aside already.
  const before = isForgotten(left, clock()) ? [] : await collect(usages.left(scope));
  const known = new Set([...leaving, ...before].map(usageKey)).size;
  await files.put(runFileKeys(runId).digests(scope), []);
  const stands = await scopes.change(scope, (record) => {
    if (!record?.left) return undefined;
    // A container without an identified image is no usage, and may still run.
    const count = isForgotten(left, clock()) ? 0 : known + (record.unidentified?.length ?? 0);
    const { markingRunId: _, ...kept } = record;
    return { ...kept, left: { ...record.left, usages: count, isMoved: true } };
  });
  const result = { scope, status: 'left', atEpochMs, usages: stands?.left?.usages ?? known } as const;
  await runs.recordPart(runId, { kind: 'scope', key: keyOfScope(scope), result });
}

/**
 * Restores the usages of a scope, guesses included, as they were when it left. The next complete reading ends what is
 * gone.
 */
export async function bringBack({ images, usages, scopes, clock }: LeavingPorts, scope: Scope): Promise<void> {
  const back = await collect(usages.left(scope));
  const digests = digestsOf(back);
  const known = await images.get(digests);
  await markAsUsed(images, digests, known);
  await markGuesses(images, scope, { digests, usages: back, ending: [], known });
  await usages.record(back, clock());
  await scopes.change(scope, (before) => {
    if (!before?.left) return undefined;
    const { left: _, ...record } = before;
    return record;
  });
}

/** Ends all usages of a scope that is gone, also those that were set aside when it left the fleet. */
export async function endAll(
  ports: Omit<LeavingPorts, 'clock'> & { readonly clock: Clock; readonly files: RunFiles },
  scope: Scope,
): Promise<void> {
  const { images, usages, clock } = ports;
  const ending = [...(await collect(usages.live(scope))), ...(await collect(usages.left(scope)))];
  const digests = digestsOf(ending);
  await takeLeftMarksBack(ports, scope, new Set(digests));
  await markGuesses(images, scope, { digests: [], usages: [], ending, known: new Map() });
  await markAsUnused(ports, digests, ending);
  await usages.end(ending, clock());
}

const digestsOf = (usages: readonly Usage[]) => [...new Set(usages.map(({ digest }) => digest))];
