import { mapConcurrently } from '../../shared/concurrency.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../shared/domain/image/image-properties.ts';
import { readImageReference, referenceName, resolvedTag } from '../../shared/domain/image/reference.ts';
import { referencesOf, type Usage, usageKey } from '../../shared/domain/image/usage.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { classify } from '../../shared/domain/stream/tier.ts';
import { unapprovedNames } from '../../shared/domain/verdict/approved-registries.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { propertiesIn } from '../../shared/domain/verdict/image-updates.ts';
import {
  EMPTY_INDEX,
  UNFIT_INDEX,
  unionOfLocations,
  unresolvedContent,
} from '../../shared/inventory/content-properties.ts';
import { firstOrigin } from '../../shared/inventory/origin.ts';
import { contentPropertiesOf } from '../../shared/inventory/record-image.ts';
import { type PropertiesPorts, writeProperties } from '../../shared/inventory/write-properties.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { PlaceLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { InventoriedImage, ObservedReference } from './seen-usages.ts';

const WRITES_AT_ONCE = 16;

interface SeenPorts extends PropertiesPorts {
  readonly places: PlaceLedger;
  readonly usages: Pick<UsageLedger, 'ofImage' | 'leftOfImage'>;
  readonly clock: Clock;
}

/** Usages of one scope in the ledger that say nothing of what runs now, because a new reading saw them again or missed them. */
export interface ReadAgain {
  readonly seen: Iterable<Usage>;
  readonly ending: readonly Usage[];
}

/**
 * Ensures that every image in use has properties, even if no registry of ours has it: an external image, one of AWS, an
 * index without runnable images, or one from an unread registry. Names by which no workload of any scope runs an image any
 * more are removed. Returns the images as the ledger knew them before.
 */
export async function ensureProperties(
  ports: SeenPorts,
  policy: Policy,
  seen: ReadonlyMap<Digest, InventoriedImage>,
  again: ReadAgain,
): Promise<ReadonlyMap<Digest, ImageRecord>> {
  const ended = again.ending.map(({ digest }) => [digest, NO_LONGER_SEEN] as const);
  const images = new Map([...ended, ...seen]);
  const known = await ports.images.get([...images.keys()]);
  const here = new Set([...again.seen, ...again.ending].map(usageKey));
  await mapConcurrently([...images], WRITES_AT_ONCE, async ([digest, image]) => {
    const before = known.get(digest);
    if (!before && image === NO_LONGER_SEEN) return;
    const { gone, all } = await namesElsewhere(ports, image, before, here);
    const propertiesOver = (record: ImageRecord | undefined) =>
      seenProperties(policy, digest, image, record, { gone, ...(all && { all }) });
    if (before && sameContent(propertiesIn(before), propertiesOver(before))) return;
    await addProperties(ports, image, before, propertiesOver);
    if (gone.size === 0) return;
    // Another scope may have begun to run it by one of these names, after the usages were read.
    const { gone: stillGone } = await namesElsewhere(ports, image, before, here);
    const back = [...gone].filter((name) => !stillGone.has(name));
    if (back.length > 0)
      await addProperties(ports, image, before, (record) => seenProperties(policy, digest, image, record, { back }));
  });
  return known;
}

/**
 * Adds names to records that lack them. After usages are recorded, another scope may have removed a name, because it could not
 * see these usages yet.
 * @param known records that were read after the usages were recorded
 */
export async function keepNames(
  ports: SeenPorts,
  policy: Policy,
  seen: ReadonlyMap<Digest, InventoriedImage>,
  known: ReadonlyMap<Digest, ImageRecord>,
): Promise<void> {
  await mapConcurrently([...known], WRITES_AT_ONCE, async ([digest, before]) => {
    const image = seen.get(digest);
    // Which names a record keeps that has too many is decided over all of them, before usages are recorded.
    if (!image || before.moreReferences !== undefined) return;
    if (namesIn(image.observations).every((name) => before.references?.includes(name))) return;
    await addProperties(ports, image, before, (record) => seenProperties(policy, digest, image, record));
  });
}

const NO_LONGER_SEEN: InventoriedImage = { observations: [] };

/**
 * Names of a record by which nothing runs the image now, and, if the record does not hold every name, all by which something runs it. An
 * image that nothing runs keeps its last names, so that a person finds it by them. The usages are read only if this scope did
 * not see every name.
 * @param here keys of the usages of this scope, which say nothing
 */
async function namesElsewhere(
  { usages }: SeenPorts,
  { observations }: InventoriedImage,
  before: ImageRecord | undefined,
  here: ReadonlySet<string>,
): Promise<{ readonly gone: ReadonlySet<string>; readonly all?: ReadonlySet<string> }> {
  const seen = new Set(namesIn(observations));
  const unseen = (before?.references ?? []).filter((name) => !seen.has(name));
  const isCut = before?.moreReferences !== undefined;
  if (!before || (unseen.length === 0 && !isCut)) return { gone: new Set() };
  const others = [...(await usages.ofImage(before.digest)), ...(await usages.leftOfImage(before.digest))].filter(
    (usage) => !here.has(usageKey(usage)),
  );
  if (others.length + observations.length === 0) return { gone: new Set() };
  const named = new Set(others.flatMap(referencesOf).flatMap(nameIn));
  const gone = new Set(unseen.filter((name) => !named.has(name)));
  return { gone, ...(isCut && { all: named.union(seen) }) };
}

/** Other scopes may run the image under other names at the same time, so additions are decided at the write. */
async function addProperties(
  ports: SeenPorts,
  { observations }: InventoriedImage,
  known: ImageRecord | undefined,
  propertiesOver: (known: ImageRecord | undefined) => ImageProperties,
): Promise<void> {
  const { digest, locations } = propertiesOver(undefined);
  for (const location of locations)
    await ports.places.recordLocation({
      ...{ digest, location, tags: [], askedTags: tagsAt(observations, location) },
      thereSinceEpochMs: ports.clock(),
    });
  await writeProperties(ports, known, propertiesOver);
}

/** What other scopes say of the names of an image. */
interface NamesElsewhere {
  /** Nothing runs it by them. */
  readonly gone?: ReadonlySet<string>;
  /** They were taken for gone, and something runs it by them. */
  readonly back?: readonly string[];
  /** Every name by which something runs it; absent if that was not read. */
  readonly all?: ReadonlySet<string>;
}

/**
 * Places are only added, and names removed only if nothing runs the image by them. The result is pure and independent of the
 * order of scopes.
 */
export function seenProperties(
  policy: Policy,
  digest: Digest,
  { observations, index }: InventoriedImage,
  before?: ImageRecord,
  { gone, back = [], all }: NamesElsewhere = {},
): ImageProperties {
  const found = observations.map((observation) => ({ ...originSeen(policy, observation), observation }));
  const inReach = found.flatMap(({ tier, observation: { location } }) =>
    tier !== 'aws-managed' && location ? [location] : [],
  );
  const locations = unionOfLocations(before?.locations ?? [], inReach);
  const kept = (before?.references ?? []).filter((name) => !gone?.has(name));
  const names = new Set([...kept, ...back, ...(all ?? []), ...namesIn(observations)]);
  const references = decisiveNames(policy, names);
  const uncounted = all ? 0 : (before?.moreReferences ?? 0);
  const moreReferences = Math.max(names.size - references.length, uncounted);
  const named = [locations, references, moreReferences];
  if (before && sameContent([before.locations, before.references ?? [], before.moreReferences ?? 0], named)) {
    return propertiesIn(before);
  }
  const reason = reasonFor(index);
  const { unresolved = reason, ...content } = before ? contentPropertiesOf(before) : unresolvedContent(digest, reason);
  // Outside our registries no read is missing.
  const isMissing = content.mediaType === undefined && locations.length > 0;
  return {
    ...content,
    ...firstOrigin(
      before
        ? [
            ...(isBuiltIn(policy) ? [] : found),
            // What a registry said of it comes before each name that something runs it by.
            {
              ...{ ...before, key: keyOf(before.locations[0], before.references?.[0]) },
              ...(before.mediaType !== undefined && { sinceEpochMs: 0 }),
            },
          ]
        : found,
    ),
    locations,
    ...(references.length > 0 && { references }),
    ...(moreReferences > 0 && { moreReferences }),
    ...(before?.tagFacts && { tagFacts: before.tagFacts }),
    ...(isMissing && { unresolved }),
  };
}

/** Anybody may run one digest under any number of names, and an item of the ledger holds 400 KB. */
const MOST_NAMES = 100;

/** Those that the policy does not approve come first: one of them decides the verdict. */
function decisiveNames(policy: Policy, names: ReadonlySet<string>): readonly string[] {
  if (names.size <= MOST_NAMES) return [...names].sort();
  const sorted = [...names].sort();
  const unapproved = unapprovedNames({ locations: [], references: sorted, tier: 'external' }, policy);
  return [...new Set([...unapproved, ...sorted])].slice(0, MOST_NAMES).sort();
}

const keyOf = (location: ImageLocation | undefined, reference = ''): string =>
  location ? locationKey(location) : reference;

function originSeen(policy: Policy, { location, reference, container }: ObservedReference) {
  const observed = { ...(location && { location }), ...(reference !== undefined && { reference }), container };
  return { ...classify(policy, observed), key: keyOf(location, reference) };
}

const NOT_READ =
  'This review could not read the registry of this image completely. Correct the failure that it reports for this registry, then start a new review.';

function reasonFor(index: InventoriedImage['index']) {
  if (index === undefined) return { code: 'registry-not-read', detail: NOT_READ };
  return index === 'empty' ? EMPTY_INDEX : UNFIT_INDEX;
}

/** Names of images outside ECR; images in ECR are known by location. */
const namesIn = (observations: readonly ObservedReference[]): string[] =>
  observations.flatMap(({ reference, location }) => (location ? [] : nameIn(reference)));

/** An invalid reference names nothing; its container's image is known by digest. */
function nameIn(reference: string | undefined): string[] {
  const named = readImageReference(reference);
  return named ? [referenceName(named)] : [];
}

/** Without a registry read, these are all known tags of an image at a location. */
const tagsAt = (observations: readonly ObservedReference[], place: ImageLocation): string[] =>
  observations.flatMap(({ location, reference }) => {
    const named = location && locationKey(location) === locationKey(place) ? readImageReference(reference) : undefined;
    return (named && resolvedTag(named)) ?? [];
  });
