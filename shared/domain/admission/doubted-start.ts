import { type DoorPlace, doorAt, mayJudge } from '../policy/doors.ts';
import type { Policy } from '../policy/policy.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import { admissionFactsOf } from './admission-facts.ts';
import { type DoubtOfDigest, doubtOfDigest, objectionsAgainst } from './admit.ts';
import type { Presence } from './standing.ts';

/** A place where only the good standing of an image lets it start, because Patchwave has a doubt about it. */
export interface DoubtedStart extends DoubtOfDigest {
  readonly place: DoorPlace;
}

/** Whether a doubt may be what a door objects to, so that it is worth reading where the image runs. */
export function mayBeDoubted(image: ImageRecord, policy: Policy, nowEpochMs: number): boolean {
  if (!mayJudge(policy, {})) return false;
  const [facts] = factsOn(image, undefined, policy).images;
  return facts !== undefined && objectionsAgainst(facts, { policy, nowEpochMs }).has('doubt');
}

/** The places where an image starts in spite of a doubt, the one that refuses it first in front. */
export function doubtedStarts(
  image: ImageRecord,
  presences: readonly { readonly place: DoorPlace; readonly presence: Presence }[],
  policy: Policy,
  nowEpochMs: number,
): readonly DoubtedStart[] {
  return presences
    .flatMap(({ place, presence }) => {
      if (doorAt(policy, place).mode === 'off') return [];
      const doubt = doubtOfDigest(factsOn(image, presence, policy), policy, nowEpochMs);
      return doubt ? [{ place, ...doubt }] : [];
    })
    .sort((one, other) => one.untilEpochMs - other.untilEpochMs);
}

const factsOn = (image: ImageRecord, presence: Presence | undefined, policy: Policy) =>
  admissionFactsOf(
    image.digest,
    {
      images: new Map([[image.digest, image]]),
      indexes: new Map(),
      presences: new Map(presence ? [[image.digest, presence]] : []),
    },
    policy,
  );
