import {
  type AdmissionFacts,
  type AdmissionRecords,
  admissionFactsOf,
  imagesNamedBy,
} from '../domain/admission/admission-facts.ts';
import type { Digest } from '../domain/image/image.ts';
import type { DoorPlace } from '../domain/policy/doors.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { AdmissionReads } from '../ports/admission.ts';
import type { IndexState } from '../ports/ledger.ts';

/**
 * Reads what is known of digests, each of an image or an index. The ledger answers in one batch read, and in a second one
 * if there are indexes, for up to 30 digests with up to 50 images.
 * @param counted receives the number of images before those of indexes are read; what it throws ends the read
 */
export async function readAdmissionRecords(
  { images, places, running }: AdmissionReads,
  place: DoorPlace,
  digests: readonly Digest[],
  counted: (images: number) => void = () => {},
): Promise<AdmissionRecords> {
  const [known, states, runs] = await Promise.all([
    images.get(digests),
    places.indexStates(digests),
    running.presencesIn(digests, place),
  ]);
  const read = indexesOf(states);
  const named = digests.flatMap((digest) => imagesNamedBy(digest, read));
  const unread = [...new Set(named)].filter((digest) => !digests.includes(digest));
  counted(digests.length + unread.length);
  const [others, othersRun] =
    unread.length > 0 ? await Promise.all([images.get(unread), running.presencesIn(unread, place)]) : [[], []];
  return {
    images: new Map([...known, ...others]),
    ...read,
    presences: new Map([...runs, ...othersRun]),
  };
}

/** Indexes as facts are made of them. */
export const indexesOf = (
  states: ReadonlyMap<Digest, IndexState>,
): Pick<AdmissionRecords, 'indexes' | 'indexedAtEpochMs'> => ({
  indexes: new Map([...states].map(([digest, { children }]) => [digest, children])),
  indexedAtEpochMs: new Map([...states].map(([digest, { recordedAtEpochMs = 0 }]) => [digest, recordedAtEpochMs])),
});

/** The facts of those digests under a policy. */
export const admissionFactsIn = (
  records: AdmissionRecords,
  policy: Pick<Policy, 'waivers'>,
  digests: readonly Digest[],
): ReadonlyMap<Digest, AdmissionFacts> =>
  new Map(digests.map((digest) => [digest, admissionFactsOf(digest, records, policy)]));
