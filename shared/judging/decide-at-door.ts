import type { AdmissionFacts } from '../domain/admission/admission-facts.ts';
import {
  type Admission,
  type AppliedDoors,
  admit,
  type BreakGlass,
  digestsToRead,
  pinnedTag,
  type TagReading,
  tagNameOf,
} from '../domain/admission/admit.ts';
import type { Digest } from '../domain/image/image.ts';
import { readImageReference } from '../domain/image/reference.ts';
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
): Promise<readonly Admission[]> {
  const reading = await readAtDoor(ports, place, references);
  return decideBy(reading, place, references, ports.clock());
}

/**
 * Reads the policy, the records and a break-glass in one batch, and the images of indexes in a second one. If a reference names a
 * tag, what it names is read before.
 * @throws NoPolicyError, PolicyUnreadableError, or what a read throws
 */
export async function readAtDoor(
  ports: Omit<DoorPorts, 'clock'>,
  place: DoorPlace,
  references: readonly (string | undefined)[],
): Promise<DoorReading> {
  const tags = await readTags(ports.places, references);
  const tagged = [...tags.values()].map(({ digest }) => digest);
  const digests = [...new Set([...digestsToRead(references), ...tagged])];
  const [{ policy, applied }, records, breakGlass] = await Promise.all([
    ports.policies.current(),
    readAdmissionRecords(ports, place, digests),
    ports.exceptions?.breakGlassOf(place),
  ]);
  return { policy, applied, known: admissionFactsIn(records, policy, digests), tags, breakGlass };
}

/** What the ledger knows of tags, by `tagNameOf`; without those that the registry has no more. */
async function readTags(
  places: AdmissionReads['places'],
  references: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, TagReading>> {
  const asked = taggedIn(references);
  const found = await Promise.all(
    asked.map(async ({ name, location, tag }) => {
      const holder = (await places.holders?.(location, [tag]))?.get(tag);
      if (!holder || !means(holder, holder.digest)) return [];
      return [[name, { digest: holder.digest, readAtEpochMs: holder.pushedAtEpochMs }] as const];
    }),
  );
  return new Map(found.flat());
}

/** The tags of ECR that references name, each once. */
export function taggedIn(references: readonly (string | undefined)[]) {
  const tagged = references.flatMap((text) => {
    const reference = readImageReference(text);
    const name = reference && tagNameOf(reference);
    const { location, tag } = reference ?? {};
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

/** The references with digests that follow from a reading (`pinnedTag`), in their order. */
export function pinBy(
  reading: DoorReading,
  place: DoorPlace,
  references: readonly (string | undefined)[],
  nowEpochMs: number,
): readonly (string | undefined)[] {
  const admitting = { ...reading, door: doorAt(reading.policy, place), nowEpochMs };
  return references.map((reference) => pinnedTag(reference, admitting));
}
