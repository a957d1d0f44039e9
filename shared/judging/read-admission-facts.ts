import type { Digest } from '../domain/image/image.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { type AdmissionFacts, admissionFactsOf, imagesNamedBy } from '../domain/verdict/admission-facts.ts';
import type { AdmissionReads } from '../ports/admission.ts';

/**
 * Reads what is known of digests, each of an image or an index. The ledger answers in one batch read, and in a second one
 * if there are indexes, for up to 50 digests with up to 100 images.
 */
export async function readAdmissionFacts(
  { images, places }: AdmissionReads,
  policy: Pick<Policy, 'approvedRegistries' | 'waivers'>,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, AdmissionFacts>> {
  const asked = [...new Set(digests)];
  const [known, indexes] = await Promise.all([images.get(asked), places.indexes(asked)]);
  const named = asked.flatMap((digest) => imagesNamedBy(digest, { indexes }));
  const unread = [...new Set(named)].filter((digest) => !asked.includes(digest));
  const others = unread.length > 0 ? await images.get(unread) : new Map();
  const records = { images: new Map([...known, ...others]), indexes };
  return new Map(asked.map((digest) => [digest, admissionFactsOf(digest, records, policy)]));
}
