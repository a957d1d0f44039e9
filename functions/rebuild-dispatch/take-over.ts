import { factKey } from '../../shared/domain/cause/cause.ts';
import { isUnpromoted, isUnscannedCandidate, type Rebuild } from '../../shared/domain/cause/rebuild.ts';
import type { DispatchPorts } from './ports.ts';

/** The rebuild may exist from an earlier attempt. */
const LATEST = 2;

/**
 * Takes over the output of an earlier rebuild that was not used through no fault of its pipeline. It was verified:
 * Patchwave was paused, or the execution died, before the tag moved. Or it got no scan in time, and its parents are the
 * same. The new rebuild starts as if its run had ended, and the usual steps verify and promote the output. A changed head
 * or more facts need a new build. A push under the tag counts from the earlier reservation.
 */
export async function takeOver(
  { rebuilds, clock }: Pick<DispatchPorts, 'rebuilds' | 'clock'>,
  rebuild: Rebuild,
): Promise<Rebuild> {
  const { stream, rebuildId, headBefore, attempt } = rebuild;
  const earlier = (await rebuilds.latest(stream, LATEST)).find((one) => one.rebuildId !== rebuildId);
  if (earlier?.output === undefined || earlier.headBefore !== headBefore) return rebuild;
  const isUnscanned = isUnscannedCandidate(earlier) && parentsOf(earlier) === rebuild.parents;
  // After a failure the pipeline must first be seen working; an output without a scan is no failure.
  if (!isUnscanned && (!isUnpromoted(earlier) || attempt > 1)) return rebuild;
  const asked = new Set(earlier.facts.map(factKey));
  if (!rebuild.facts.every((fact) => asked.has(factKey(fact)))) return rebuild;
  return {
    ...rebuild,
    reservedAtEpochMs: earlier.reservedAtEpochMs,
    startingAtEpochMs: clock(),
    build: { state: 'succeeded', outputDigest: earlier.output },
    // The output was proven then, unless by an older version of Patchwave: a later push may have taken its tags.
    output: earlier.output,
    ...(earlier.outputProvenAtEpochMs !== undefined && { outputProvenAtEpochMs: earlier.outputProvenAtEpochMs }),
    ...(earlier.outputTags && { outputTags: earlier.outputTags }),
    takenOverFrom: earlier.takenOverFrom ?? earlier.rebuildId,
    ...(isUnscanned && { resumesUnscanned: true }),
  };
}

const parentsOf = ({ builtOn, parents }: Rebuild): string | undefined => builtOn?.parents ?? parents;
