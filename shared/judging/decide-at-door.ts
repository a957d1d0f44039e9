import type { AdmissionFacts } from '../domain/admission/admission-facts.ts';
import {
  type Admission,
  type AppliedDoors,
  admit,
  type BreakGlass,
  digestsToRead,
  type PinnedTag,
  pinnedTag,
  type TagReading,
  tagNameOf,
} from '../domain/admission/admit.ts';
import type { Digest } from '../domain/image/image.ts';
import { pulledFrom, readImageReference } from '../domain/image/reference.ts';
import { isExempt } from '../domain/policy/aws-managed.ts';
import { type DoorPlace, doorAt } from '../domain/policy/doors.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { means } from '../domain/stream/tag-holder.ts';
import type { AdmissionReads, BreakGlassReads } from '../ports/admission.ts';
import type { Clock } from '../ports/clock.ts';
import type { Policies } from '../ports/policies.ts';
import { admissionFactsIn, readAdmissionRecords } from './read-admission-facts.ts';

export interface DoorPorts extends AdmissionReads {
  readonly policies: Pick<Policies, 'current'>;
  /** Absent where the place knows no break-glass. */
  readonly exceptions?: BreakGlassReads;
  readonly clock: Clock;
}

/**
 * What decisions on images at a place follow from, besides their references and the instant: read at one time, and decided
 * nowhere. Nothing in it changes with time, so a later decision applies each deadline by itself.
 */
export interface DoorReading {
  readonly policy: Policy;
  readonly applied: AppliedDoors;
  readonly known: ReadonlyMap<Digest, AdmissionFacts>;
  readonly tags: ReadonlyMap<string, TagReading>;
  readonly breakGlass: BreakGlass | undefined;
}

/**
 * Decides whether images may start at a place, in the order of the references, by the policy in force.
 * @param references as the workload names them
 * @throws as `readAtDoor` does; the caller then refuses, or lets start what its mode says
 */
export async function decideAtDoor(
  ports: DoorPorts,
  place: DoorPlace,
  references: readonly (string | undefined)[],
  asked?: AskedImages,
): Promise<readonly Admission[]> {
  const reading = await readAtDoor(ports, place, references, asked);
  return decideBy(reading, place, references, ports.clock());
}

/** Of one question, those of its indexes included: as many as 30 indexes of 50. No workload has as many. */
export const MOST_IMAGES_READ = 1500;

/** A question that leads to more images than are read for one. Who asks causes it, so it opens no door. */
export class TooManyImagesError extends Error {
  override readonly name = 'TooManyImagesError';

  constructor(images: number) {
    super(
      `The object asks for ${images} images, those of its indexes included, and Patchwave reads at most ${MOST_IMAGES_READ} for one. Divide it into several, or build indexes of fewer images.`,
    );
  }
}

/**
 * Most images for which a door opens that cannot read them: more may be asked for so that no read of them ends in time, or so that
 * DynamoDB throttles it.
 */
const MOST_UNREAD = 100;

/** How many images a question leads to: its own, and after the first batch those of its indexes too. */
export class AskedImages {
  #count = 0;

  /** @throws TooManyImagesError */
  count(images: number): void {
    this.#count = images;
    if (images > MOST_IMAGES_READ) throw new TooManyImagesError(images);
  }

  /** Whether a failed read says that the ledger is away, and not that the question is too large. */
  get areFew(): boolean {
    return this.#count <= MOST_UNREAD;
  }
}

/**
 * Reads the policy, the records and a break-glass in one batch, and the images of indexes in a second one. If a reference names a
 * tag that the policy does not exempt, policy and tag are read before.
 * @param asked counts the images before they are read
 * @throws NoPolicyError, PolicyUnreadableError, TooManyImagesError, or what a read throws
 */
export async function readAtDoor(
  ports: Omit<DoorPorts, 'clock'>,
  place: DoorPlace,
  references: readonly (string | undefined)[],
  asked: AskedImages = new AskedImages(),
): Promise<DoorReading> {
  const tags = await readTags(ports, references);
  const tagged = [...tags.values()].map(({ digest }) => digest);
  const digests = [...new Set([...digestsToRead(references), ...tagged])];
  const [{ policy, applied }, records, breakGlass] = await Promise.all([
    ports.policies.current(),
    readAdmissionRecords(ports, place, digests, (images) => asked.count(images)),
    ports.exceptions?.breakGlassOf(place),
  ]);
  return { policy, applied, known: admissionFactsIn(records, policy, digests), tags, breakGlass };
}

/**
 * What the ledger knows of tags, by `tagNameOf`; without those that the registry has no more. No read of a tag may keep an image
 * from starting that the policy exempts.
 */
async function readTags(
  { policies, places }: Pick<DoorPorts, 'policies' | 'places'>,
  references: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, TagReading>> {
  if (taggedIn(references).length === 0) return new Map();
  const { policy } = await policies.current();
  const asked = taggedIn(references.filter((reference) => !isExemptBy(policy, reference)));
  const found = await Promise.all(
    asked.map(async ({ name, location, tag }) => {
      const holder = (await places.holders?.(location, [tag]))?.get(tag);
      if (!holder || !means(holder, holder.digest)) return [];
      return [[name, { digest: holder.digest, readAtEpochMs: holder.pushedAtEpochMs }] as const];
    }),
  );
  return new Map(found.flat());
}

/** Whether the policy lets the image start without a judgement. */
export function isExemptBy({ awsManaged }: Policy, text: string | undefined): boolean {
  const reference = readImageReference(text);
  return reference !== undefined && isExempt(awsManaged, reference);
}

/** The tags of ECR that references name, each once. */
export function taggedIn(references: readonly (string | undefined)[]) {
  const tagged = references.flatMap((text) => {
    const reference = readImageReference(text);
    const name = reference && tagNameOf(reference);
    const location = reference && pulledFrom(reference);
    const tag = reference?.tag;
    return name === undefined || !location || tag === undefined ? [] : [[name, { name, location, tag }] as const];
  });
  return [...new Map(tagged).values()];
}

/** The decisions that follow from a reading as of an instant, in the order of the references. */
export function decideBy(
  reading: DoorReading,
  place: DoorPlace,
  references: readonly (string | undefined)[],
  nowEpochMs: number,
): readonly Admission[] {
  const admitting = { ...reading, door: doorAt(reading.policy, place), nowEpochMs };
  return references.map((reference) => admit(reference, admitting));
}

/** The tags with their digests that follow from a reading (`pinnedTag`), in the order of the references. */
export function pinBy(
  reading: DoorReading,
  place: DoorPlace,
  references: readonly (string | undefined)[],
  nowEpochMs: number,
): readonly (PinnedTag | undefined)[] {
  const admitting = { ...reading, door: doorAt(reading.policy, place), nowEpochMs };
  return references.map((reference) => pinnedTag(reference, admitting));
}
