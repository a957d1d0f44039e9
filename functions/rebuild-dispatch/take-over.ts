import { factKey } from '../../shared/domain/cause/cause.ts';
import { isUnpromoted, type Rebuild } from '../../shared/domain/cause/rebuild.ts';
import type { DispatchPorts } from './ports.ts';

/** The rebuild itself may be there from an earlier turn. */
const LATEST = 2;

/**
 * A rebuild that builds nothing where an earlier one of the stream was verified and came to no use through no fault of
 * its pipeline: Patchwave was paused, or the execution died, before the tag moved. It begins as if its run had ended, so
 * what was made is verified and promoted by the steps that every rebuild goes through. Built anew is what meets
 * another head, or more facts, than the earlier one did. A push under the tag counts since that was reserved.
 */
export async function takeOver(
  { rebuilds, clock }: Pick<DispatchPorts, 'rebuilds' | 'clock'>,
  rebuild: Rebuild,
): Promise<Rebuild> {
  const { stream, rebuildId, headBefore } = rebuild;
  const earlier = (await rebuilds.latest(stream, LATEST)).find((one) => one.rebuildId !== rebuildId);
  if (earlier?.output === undefined || !isUnpromoted(earlier) || earlier.headBefore !== headBefore) return rebuild;
  const fixed = new Set(earlier.facts.map(factKey));
  if (!rebuild.facts.every((fact) => fixed.has(factKey(fact)))) return rebuild;
  return {
    ...rebuild,
    reservedAtEpochMs: earlier.reservedAtEpochMs,
    startingAtEpochMs: clock(),
    build: { state: 'succeeded', outputDigest: earlier.output },
    // Proven then, unless by an earlier version of Patchwave: a later push may have taken its tags since.
    output: earlier.output,
    ...(earlier.outputProvenAtEpochMs !== undefined && { outputProvenAtEpochMs: earlier.outputProvenAtEpochMs }),
    ...(earlier.outputTags && { outputTags: earlier.outputTags }),
    takenOverFrom: earlier.rebuildId,
  };
}
