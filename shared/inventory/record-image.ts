import { sameContent } from '../domain/common/same-content.ts';
import { type Birth, determineBirth, evidenceIn } from '../domain/image/birth.ts';
import { type Digest, type ImageLocation, locationKey } from '../domain/image/image.ts';
import { type ImageProperties, type LocationRecord, unionOfTags } from '../domain/image/image-properties.ts';
import { firstReading } from '../domain/image/system.ts';
import { isBuiltIn } from '../domain/policy/built-in-policy.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { withoutProtecting } from '../domain/retention/protecting-tag.ts';
import { streamRulesOf } from '../domain/stream/stream.ts';
import { judgesTagsAt, type SeenTags, tagFactsOf } from '../domain/stream/tag-facts.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { propertiesIn } from '../domain/verdict/image-updates.ts';
import type { Clock } from '../ports/clock.ts';
import { LedgerContendedError, RegistryUnreachableError } from '../ports/errors.ts';
import type { PlaceLedger } from '../ports/ledger.ts';
import type { ImageRegistry } from '../ports/registry.ts';
import { type ContentProperties, unionOfLocations } from './content-properties.ts';
import { type ImagePlace, originOf, recordedPlace } from './origin.ts';
import { type PropertiesPorts, writeProperties } from './write-properties.ts';

const MOST_ROUNDS = 4;

export interface RecordPorts extends PropertiesPorts {
  readonly places: PlaceLedger;
  readonly registry: Pick<ImageRegistry, 'pushedAt'>;
  readonly clock: Clock;
}

/** The data of one repository about an image. */
export interface ImageSeen {
  readonly content: ContentProperties;
  readonly place: ImagePlace;
  /** An index of this repository was read first now: its tags may be new to a place that is known. */
  readonly isOfNewIndex?: boolean;
  /** Indexes of this repository that hold the image. */
  readonly within?: ReadonlySet<Digest>;
  /** As in `TagFacts`; absent if its tags were not compared with the others of the repository. */
  readonly unmovedTags?: SeenTags['unmovedTags'];
}

/** The properties of an image from all known data: pure, and independent of the order in which its places are found. */
export function recordedPropertiesOf(
  policy: Policy,
  seen: ImageSeen,
  known: ImageRecord | undefined,
  recorded: readonly LocationRecord[],
  nowEpochMs: number,
): ImageProperties {
  const { content, place } = seen;
  const locations = unionOfLocations(
    known?.locations ?? [],
    recorded.map(({ location }) => location),
    [place.location],
  );
  const places = locations.flatMap((location) => withRecordedTags(location, place, recorded));
  // Data from one registry stays, even if another one returned none.
  const tagFacts = tagFactsNow(policy, seen, known, recorded);
  const best = content.unresolved && known && !known.unresolved ? contentPropertiesOf(known) : content;
  const system = firstReading(known?.system, best.system);
  return {
    ...best,
    ...(system && { system }),
    ...(!best.unresolved && { birth: birthOf(best.birth, known, recorded, nowEpochMs) }),
    ...originOf(policy, places, known),
    locations,
    ...(known?.references && { references: known.references }),
    ...(known?.moreReferences !== undefined && { moreReferences: known.moreReferences }),
    ...(tagFacts && { tagFacts }),
  };
}

/** Under the built-in policy they stay as they are, because it judges nothing. */
function tagFactsNow(
  policy: Policy,
  { place: { location, tags }, unmovedTags }: ImageSeen,
  known: ImageRecord | undefined,
  recorded: readonly LocationRecord[],
): ImageProperties['tagFacts'] {
  if (isBuiltIn(policy)) return known?.tagFacts;
  return tagFactsOf(policy, known?.tagFacts, [
    ...recorded.map((one) => ({
      location: one.location,
      tags: withoutProtecting(unionOfTags(one.tags, one.askedTags)),
    })),
    { location, tags: withoutProtecting(tags), ...(unmovedTags && { unmovedTags }) },
  ]);
}

/** Whether the policy judges the tags of a known image at a place, and its record has none: the rule is new. */
function lacksTags(policy: Policy, { tagFacts = [] }: ImageRecord, location: ImageLocation): boolean {
  const key = locationKey(location);
  return judgesTagsAt(policy, location) && tagFacts.every((one) => locationKey(one.location) !== key);
}

/**
 * A reader of one place knows the tags of the others only from the ledger; otherwise the last reader would decide. A
 * place found since that read does not count yet: it would seem to have no tags, and the line proven by that would
 * stay.
 */
function withRecordedTags(
  location: ImageLocation,
  place: ImagePlace,
  recorded: readonly LocationRecord[],
): ImagePlace[] {
  const key = locationKey(location);
  const record = recorded.find((each) => locationKey(each.location) === key);
  const isOwn = locationKey(place.location) === key;
  if (!record && !isOwn) return [];
  const known = record ? recordedPlace(record) : { location, tags: [] };
  return [{ ...known, tags: unionOfTags(known.tags, isOwn ? place.tags : []) }];
}

/**
 * From all evidence: each registry has seen its own push, and the earliest counts. If the image was known before
 * without its age, a push reported since may be its second one, or a copy.
 */
function birthOf(
  birth: Birth,
  known: ImageRecord | undefined,
  recorded: readonly LocationRecord[],
  nowEpochMs: number,
): Birth {
  const evidence = [birth, ...(known ? [known.birth] : [])].flatMap(evidenceIn);
  const wasUndated = known !== undefined && !known.unresolved && !known.birth.known;
  return determineBirth(evidence, nowEpochMs, wasUndated ? undefined : firstPushOf(recorded));
}

/** The first push of an image; nothing if it was somewhere before the first one that is known. */
export function firstPushOf(recorded: readonly LocationRecord[]): number | undefined {
  const pushes = recorded.flatMap(({ firstPushSeenAtEpochMs }) => firstPushSeenAtEpochMs ?? []);
  const firstEpochMs = Math.min(...pushes);
  return pushes.length > 0 && recorded.every((one) => sinceOf(one) >= firstEpochMs) ? firstEpochMs : undefined;
}

/**
 * Writes the properties of an image if they changed. Two registries may see the same image at once: each writes its
 * location first and reads again after its properties, so the last one has seen all places.
 */
export async function recordImage(
  ports: RecordPorts,
  policy: Policy,
  seen: ImageSeen,
  known: ImageRecord | undefined,
): Promise<void> {
  const { places, clock } = ports;
  const { digest } = seen.content;
  const { location, tags } = seen.place;
  const propertiesBy = (recorded: readonly LocationRecord[]) => (before: ImageRecord | undefined) =>
    recordedPropertiesOf(policy, seen, before, recorded, clock());
  const isElsewhere = known?.locations.some((other) => locationKey(other) !== locationKey(location)) === true;
  const readsPlaces = isElsewhere || (known !== undefined && lacksTags(policy, known, location));
  const placesNow = async () => withPushes(ports, policy, seen, await places.locations(digest));
  const propertiesAfter = propertiesBy(readsPlaces ? await placesNow() : []);
  const isSame = known !== undefined && sameContent(propertiesIn(known), propertiesAfter(known));
  if (isSame && !seen.isOfNewIndex) return;
  await places.recordLocation({ digest, location, tags: [], askedTags: tags, thereSinceEpochMs: clock() });
  if (isSame) return;
  let recorded = await withPushes(ports, policy, seen, await placesWithIndexes(places, digest, seen.within));
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await writeProperties(ports, known, propertiesBy(recorded), firstPushOf(recorded));
    const now = await placesNow();
    if (sameContent(now, recorded)) return;
    recorded = now;
  }
  throw new LedgerContendedError(`IMAGE#${digest}`, MOST_ROUNDS);
}

/**
 * The places of an image. A repository that has an index has its images, so each place counts from the index on: a review
 * may know an index that it could not read, and a copy of it is read first. Only an image in several places can be taken
 * over.
 */
async function placesWithIndexes(
  places: PlaceLedger,
  digest: Digest,
  within: ReadonlySet<Digest> = new Set(),
): Promise<readonly LocationRecord[]> {
  const recorded = await places.locations(digest);
  if (recorded.length < 2 || within.size === 0) return recorded;
  const ofIndexes = (await Promise.all([...within].map((index) => places.locations(index)))).flat();
  const earlier = recorded.flatMap((record) => {
    const key = locationKey(record.location);
    const instants = ofIndexes.filter(({ location }) => locationKey(location) === key).map(sinceOf);
    const thereSinceEpochMs = Math.min(...instants);
    return thereSinceEpochMs < sinceOf(record)
      ? [{ digest, location: record.location, tags: [], thereSinceEpochMs }]
      : [];
  });
  for (const record of earlier) await places.recordLocation(record);
  return earlier.length > 0 ? places.locations(digest) : recorded;
}

/**
 * The places of an image, each with its first push. Of several places with a stream the image belongs to the first, and a push
 * may be older than all that Patchwave saw. So the reading that finds the second place asks each registry whose push Patchwave did not
 * see: readings in any order write the same. The next reading asks again for what a registry does not say now.
 */
async function withPushes(
  { places, registry }: RecordPorts,
  policy: Policy,
  { content: { digest }, place }: ImageSeen,
  recorded: readonly LocationRecord[],
): Promise<readonly LocationRecord[]> {
  const claiming = recorded.filter(({ location }) => streamRulesOf(policy, location).length > 0);
  const undated = claiming.filter(({ lastPushSeenAtEpochMs }) => lastPushSeenAtEpochMs === undefined);
  if (claiming.length < 2 || undated.length === 0) return recorded;
  for (const { location } of undated) {
    const isOther = locationKey(location) !== locationKey(place.location);
    const pushedAtEpochMs = await registry.pushedAt(location, digest).catch((error) => {
      // One registry that fails stops no other one.
      if (isOther || error instanceof RegistryUnreachableError) return undefined;
      throw error;
    });
    if (pushedAtEpochMs === undefined) continue;
    // It may be the second push there, so it makes nothing younger.
    const pushes = { thereSinceEpochMs: pushedAtEpochMs, lastPushSeenAtEpochMs: pushedAtEpochMs };
    await places.recordLocation({ digest, location, tags: [], ...pushes });
  }
  return places.locations(digest);
}

const sinceOf = (record: LocationRecord): number => recordedPlace(record).sinceEpochMs ?? Number.POSITIVE_INFINITY;

/** The fields of a record that do not depend on the place. */
export function contentPropertiesOf(record: ImageRecord): ContentProperties {
  const { tier, stream, owner, locations, references, moreReferences, tagFacts, ...content } = propertiesIn(record);
  return content;
}
