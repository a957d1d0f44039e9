import { mapConcurrently } from '../../shared/concurrency.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../shared/domain/image/image-properties.ts';
import { readImageReference, resolvedTag } from '../../shared/domain/image/reference.ts';
import { referencesOf, type Usage, usageKey } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { propertiesIn } from '../../shared/domain/verdict/image-updates.ts';
import {
  type InventoriedImage,
  nameIn,
  namesIn,
  type ObservedReference,
  seenProperties,
} from '../../shared/inventory/seen-properties.ts';
import { type PropertiesPorts, writeProperties } from '../../shared/inventory/write-properties.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { PlaceLedger, UsageLedger } from '../../shared/ports/ledger.ts';

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

/** Without a registry read, these are all known tags of an image at a location. */
const tagsAt = (observations: readonly ObservedReference[], place: ImageLocation): string[] =>
  observations.flatMap(({ location, reference }) => {
    const named = location && locationKey(location) === locationKey(place) ? readImageReference(reference) : undefined;
    return (named && resolvedTag(named)) ?? [];
  });
