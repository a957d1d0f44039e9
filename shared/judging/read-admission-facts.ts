import { type AdmissionFacts, admissionFactsOf, imagesNamedBy } from '../domain/admission/admission-facts.ts';
import type { Digest } from '../domain/image/image.ts';
import type { DoorPlace } from '../domain/policy/doors.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { AdmissionReads } from '../ports/admission.ts';

/**
 * Reads what is known of digests, each of an image or an index. The ledger answers in one batch read, and in a second one
 * if there are indexes, for up to 30 digests with up to 50 images.
 */
export async function readAdmissionFacts(
  { images, places, running }: AdmissionReads,
  policy: Pick<Policy, 'approvedRegistries' | 'waivers'>,
  place: DoorPlace,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, AdmissionFacts>> {
  const asked = [...new Set(digests)];
  const [known, indexes, runs] = await Promise.all([
    images.get(asked),
    places.indexes(asked),
    running.runningIn(asked, place),
  ]);
  const named = asked.flatMap((digest) => imagesNamedBy(digest, { indexes }));
  const unread = [...new Set(named)].filter((digest) => !asked.includes(digest));
  const [others, othersRun] =
    unread.length > 0 ? await Promise.all([images.get(unread), running.runningIn(unread, place)]) : [[], []];
  const records = { images: new Map([...known, ...others]), indexes, running: new Set([...runs, ...othersRun]) };
  return new Map(asked.map((digest) => [digest, admissionFactsOf(digest, records, policy)]));
}
