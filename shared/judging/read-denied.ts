import { digestsToRead } from '../domain/admission/admit.ts';
import type { Digest } from '../domain/image/image.ts';
import { readImageReference, referenceName, repositoryName } from '../domain/image/reference.ts';
import type { DoorPlace } from '../domain/policy/doors.ts';
import { headDigestOf } from '../domain/stream/heads.ts';
import { classify } from '../domain/stream/tier.ts';
import type { StreamLedger } from '../ports/ledger.ts';
import { type DoorPorts, decideAtDoor } from './decide-at-door.ts';

export interface DeniedPorts extends DoorPorts {
  readonly streams: Pick<StreamLedger, 'streams'>;
}

/** What is known of an image that a door denies. */
export interface DeniedImage {
  readonly owner?: string;
  /** Name and digest of the head of its stream. Absent if the door does not let it start without a warning, or there is none. */
  readonly headToDeploy?: string;
}

/**
 * Whose the images are that a door denies, and what may start in their place. A head counts only if this door lets it start: what
 * violates, or is unknown, is no advice.
 * @param references as the workload names the images
 * @returns by reference; one that cannot be read is left out
 * @throws as `decideAtDoor` does
 */
export async function readDenied(
  ports: DeniedPorts,
  place: DoorPlace,
  references: readonly string[],
): Promise<ReadonlyMap<string, DeniedImage>> {
  if (references.length === 0) return new Map();
  const digests = digestsToRead(references);
  // One batch; another one only for the first image of an index.
  const [{ policy }, indexes, named] = await Promise.all([
    ports.policies.current(),
    ports.places.indexStates(digests),
    ports.images.get(digests),
  ]);
  const childOf = new Map(
    digests.map((digest) => [digest, indexes.get(digest)?.children[0]?.digest ?? digest] as const),
  );
  const children = [...childOf.values()].filter((digest) => !digests.includes(digest));
  const images = new Map([...named, ...(children.length > 0 ? await ports.images.get(children) : [])]);
  const asked = references.flatMap((reference) => {
    const read = readImageReference(reference);
    if (!read) return [];
    const image = read.digest && images.get(childOf.get(read.digest) ?? read.digest);
    const byName = classify(policy, { reference });
    const [stream, owner] = [image?.stream ?? byName.stream, image?.owner ?? byName.owner];
    return [{ reference, read, ...(stream !== undefined && { stream }), ...(owner !== undefined && { owner }) }];
  });
  const streams = await ports.streams.streams([...new Set(asked.flatMap(({ stream }) => stream ?? []))]);
  const candidates = asked.map(({ reference, read, stream, owner }) => {
    const record = stream === undefined ? undefined : streams.get(stream);
    const head = headDigestOf(record?.head);
    const isOther = record && head !== undefined && head !== read.digest;
    const isThere = !read.location || (record && repositoryName(read.location) === repositoryName(record.location));
    const name = isThere || !record ? referenceName(read) : repositoryName(record.location);
    return {
      reference,
      ...(owner !== undefined && { owner }),
      ...(isOther && { head: `${name}@${head satisfies Digest}` }),
    };
  });
  const heads = [...new Set(candidates.flatMap(({ head }) => head ?? []))];
  const decided = heads.length === 0 ? [] : await decideAtDoor(ports, place, heads);
  const mayStart = new Set(heads.filter((_, index) => decided[index]?.decision === 'allow'));
  return new Map(
    candidates.map(({ reference, owner, head }) => [
      reference,
      {
        ...(owner !== undefined && { owner }),
        ...(head !== undefined && mayStart.has(head) && { headToDeploy: head }),
      },
    ]),
  );
}
