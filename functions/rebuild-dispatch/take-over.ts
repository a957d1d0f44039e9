import { factKey } from '../../shared/domain/cause/cause.ts';
import { isUnpromoted, type Rebuild, type RebuildHistory } from '../../shared/domain/cause/rebuild.ts';
import { resumedBy } from '../../shared/domain/guard/unscanned-candidate.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { DispatchPorts } from './ports.ts';

/** The rebuild may exist from an earlier attempt. */
const LATEST = 2;

/**
 * Takes over the output of an earlier rebuild that was not used through no fault of its pipeline. It got no scan in time
 * (`resumedBy`). Or it was verified: Patchwave was paused, or the execution died, before the tag moved. The new rebuild
 * starts as if its run had ended, and the usual steps verify and promote the output. A changed head or more facts need a
 * new build. A push under the tag counts from the earlier reservation.
 */
export async function takeOver(
  ports: Pick<DispatchPorts, 'rebuilds' | 'clock'>,
  history: RebuildHistory,
  rebuild: Rebuild,
): Promise<Rebuild> {
  const { stream, headBefore, attempt } = rebuild;
  const resumed = resumedBy(history, { ...rebuild, ...(headBefore !== undefined && { headDigest: headBefore }) });
  const unscanned = resumed && (await ports.rebuilds.get(stream, resumed.rebuildId));
  if (unscanned?.output !== undefined)
    return { ...resume(ports, rebuild, unscanned, unscanned.output), resumesUnscanned: true };
  // After a failure the pipeline must first be seen working.
  const verified = attempt === 1 ? await unpromoted(ports, rebuild) : undefined;
  return verified?.output === undefined ? rebuild : resume(ports, rebuild, verified, verified.output);
}

async function unpromoted(
  { rebuilds }: Pick<DispatchPorts, 'rebuilds'>,
  { stream, rebuildId, headBefore, facts }: Rebuild,
): Promise<Rebuild | undefined> {
  const earlier = (await rebuilds.latest(stream, LATEST)).find((one) => one.rebuildId !== rebuildId);
  if (!earlier || !isUnpromoted(earlier) || earlier.headBefore !== headBefore) return undefined;
  const fixed = new Set(earlier.facts.map(factKey));
  return facts.every((fact) => fixed.has(factKey(fact))) ? earlier : undefined;
}

function resume({ clock }: Pick<DispatchPorts, 'clock'>, rebuild: Rebuild, earlier: Rebuild, output: Digest): Rebuild {
  return {
    ...rebuild,
    reservedAtEpochMs: earlier.reservedAtEpochMs,
    startingAtEpochMs: clock(),
    build: { state: 'succeeded', outputDigest: output },
    // The output was proven then, unless by an older version of Patchwave: a later push may have taken its tags.
    output,
    ...(earlier.outputProvenAtEpochMs !== undefined && { outputProvenAtEpochMs: earlier.outputProvenAtEpochMs }),
    ...(earlier.outputTags && { outputTags: earlier.outputTags }),
    takenOverFrom: earlier.takenOverFrom ?? earlier.rebuildId,
  };
}
