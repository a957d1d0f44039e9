import { type Usage, usageKey } from '../../shared/domain/image/usage.ts';
import { isForgotten, keyOfScope, type LeftScope, type Scope } from '../../shared/domain/review/run.ts';
import type { RunningLedger } from '../../shared/ports/admission.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ImageLedger, RunLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { Scratch } from '../../shared/ports/scratch.ts';
import { runFileKeys } from '../../shared/review/documents.ts';
import { type ImageGroup, ImageGroups } from './image-groups.ts';
import { Marks } from './marks.ts';
import { digestsOf, markAsUnused, markAsUsed, markGuesses } from './presence.ts';
import { presencesEnded } from './running-images.ts';

export interface LeavingPorts {
  readonly images: ImageLedger;
  readonly usages: UsageLedger;
  readonly scopes: ScopeLedger;
  readonly scratch: Scratch;
  readonly clock: Clock;
}

type GonePorts = LeavingPorts & { readonly files: RunFiles; readonly running: RunningLedger };

/**
 * Sets aside the usages of a scope that left: they are neither live nor ended, because no review saw them end. Their
 * images are no longer in use unless something else runs them. Usages that a person confirmed end. The run part is
 * written last.
 */
export async function putAside(
  ports: GonePorts & { readonly runs: Pick<RunLedger, 'recordPart'> },
  runId: string,
  scope: Scope,
  left: LeftScope,
): Promise<void> {
  const { usages, scopes, files, runs, scratch, clock } = ports;
  const { atEpochMs } = left;
  const isOver = isForgotten(left, clock());
  const known = await ImageGroups.with(scratch, async (groups) => {
    const live = groups.set('live', ({ digest }: Usage) => digest);
    // An earlier attempt may have set some aside already.
    const before = groups.set('left', ({ digest }: Usage) => digest);
    await live.add(usages.live(scope));
    await before.add(usages.left(scope));
    const marks = await Marks.of(ports, scope);
    let count = 0;
    for (const group of await groups.groups()) {
      const [leaving, away] = [await live.of(group), await before.of(group)];
      if (isOver) {
        await usages.end(away, clock());
        await ports.running.record(await presencesEnded(ports.running, away, [], clock()));
      }
      await unmark(ports, scope, marks, group, leaving);
      await usages.leave(leaving, atEpochMs);
      count += new Set([...leaving, ...(isOver ? [] : away)].map(usageKey)).size;
    }
    return count;
  });
  await files.put(runFileKeys(runId).digests(scope), []);
  const stands = await scopes.change(scope, (record) => {
    if (!record?.left) return undefined;
    // A container without an identified image is no usage, and may still run.
    const count = isOver ? 0 : known + (record.unidentified?.length ?? 0);
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
export async function bringBack(ports: LeavingPorts, scope: Scope): Promise<void> {
  const { images, usages, scopes, clock } = ports;
  await eachGroup(ports.scratch, [usages.left(scope)], async (back) => {
    const digests = digestsOf(back);
    const known = await images.get(digests);
    await markAsUsed(images, digests, known);
    await markGuesses(images, scope, { digests, usages: back, ending: [], known });
    await usages.record(back, clock());
  });
  await scopes.change(scope, (before) => {
    if (!before?.left) return undefined;
    const { left: _, ...record } = before;
    return record;
  });
}

/** Ends all usages of a scope that is gone, also those that were set aside when it left the fleet. */
export async function endAll(ports: GonePorts, scope: Scope): Promise<void> {
  const { usages, clock } = ports;
  const marks = await Marks.of(ports, scope);
  await eachGroup(ports.scratch, [usages.live(scope), usages.left(scope)], async (ending, group) => {
    await unmark(ports, scope, marks, group, ending);
    await usages.end(ending, clock());
    await ports.running.record(await presencesEnded(ports.running, ending, [], clock()));
  });
}

/** Applies `task` to groups of usages; usages of one image are in one group. */
async function eachGroup(
  scratch: Scratch,
  sources: readonly AsyncIterable<Usage>[],
  task: (usages: readonly Usage[], group: ImageGroup) => Promise<void>,
): Promise<void> {
  await ImageGroups.with(scratch, async (groups) => {
    const all = groups.set('usages', ({ digest }: Usage) => digest);
    for (const usages of sources) await all.add(usages);
    for (const group of await groups.groups()) await task(await all.of(group), group);
  });
}

/** Removes the marks of images whose usages in the scope end or leave. */
async function unmark(
  ports: GonePorts,
  scope: Scope,
  marks: Marks,
  group: ImageGroup,
  ending: readonly Usage[],
): Promise<void> {
  const digests = digestsOf(ending);
  await marks.takeBack(group, new Set(digests));
  await markGuesses(ports.images, scope, { digests: [], usages: [], ending, known: new Map() });
  await markAsUnused(ports, digests, ending);
}
