import { mapConcurrently } from '../../shared/concurrency.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../shared/domain/image/image-properties.ts';
import { readImageReference, referenceName, resolvedTag } from '../../shared/domain/image/reference.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { classify } from '../../shared/domain/stream/tier.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { propertiesIn } from '../../shared/domain/verdict/image-updates.ts';
import { EMPTY_INDEX, unionOfLocations, unresolvedContent } from '../../shared/inventory/content-properties.ts';
import { lowestOrigin } from '../../shared/inventory/origin.ts';
import { contentPropertiesOf } from '../../shared/inventory/record-image.ts';
import { type PropertiesPorts, writeProperties } from '../../shared/inventory/write-properties.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { PlaceLedger } from '../../shared/ports/ledger.ts';
import type { InventoriedImage, ObservedReference } from './seen-usages.ts';

const WRITES_AT_ONCE = 16;

interface SeenPorts extends PropertiesPorts {
  readonly places: PlaceLedger;
  readonly clock: Clock;
}

/**
 * Ensures that every image in use has properties, even if no registry of ours has it: an external image, one of AWS, an
 * index without runnable images, or one from an unread registry. Returns the images as the ledger knew them before.
 */
export async function ensureProperties(
  ports: SeenPorts,
  policy: Policy,
  seen: ReadonlyMap<Digest, InventoriedImage>,
): Promise<ReadonlyMap<Digest, ImageRecord>> {
  const known = await ports.images.get([...seen.keys()]);
  await mapConcurrently([...seen], WRITES_AT_ONCE, async ([digest, image]) => {
    const before = known.get(digest);
    const propertiesOver = (record: ImageRecord | undefined) => seenProperties(policy, digest, image, record);
    if (!before || !sameContent(propertiesIn(before), propertiesOver(before)))
      await addProperties(ports, image, before, propertiesOver);
  });
  return known;
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

/** Names and places are only added. The result is pure and independent of the order of scopes. */
export function seenProperties(
  policy: Policy,
  digest: Digest,
  { observations, isEmptyIndex }: InventoriedImage,
  before?: ImageRecord,
): ImageProperties {
  const found = observations.map((observation) => ({ ...originSeen(policy, observation), observation }));
  const inReach = found.flatMap(({ tier, observation: { location } }) =>
    tier !== 'aws-managed' && location ? [location] : [],
  );
  const locations = unionOfLocations(before?.locations ?? [], inReach);
  const references = sortedNames(before?.references ?? [], observations);
  if (before && sameContent([before.locations, before.references ?? []], [locations, references])) {
    return propertiesIn(before);
  }
  const reason = reasonFor(isEmptyIndex);
  const { unresolved = reason, ...content } = before ? contentPropertiesOf(before) : unresolvedContent(digest, reason);
  // Outside our registries no read is missing.
  const isMissing = content.mediaType === undefined && locations.length > 0;
  return {
    ...content,
    ...lowestOrigin(
      before
        ? [...(isBuiltIn(policy) ? [] : found), { ...before, key: keyOf(before.locations[0], before.references?.[0]) }]
        : found,
    ),
    locations,
    ...(references.length > 0 && { references }),
    ...(before?.tagFacts && { tagFacts: before.tagFacts }),
    ...(isMissing && { unresolved }),
  };
}

const keyOf = (location: ImageLocation | undefined, reference = ''): string =>
  location ? locationKey(location) : reference;

function originSeen(policy: Policy, { location, reference, container }: ObservedReference) {
  const observed = { ...(location && { location }), ...(reference !== undefined && { reference }), container };
  return { ...classify(policy, observed), key: keyOf(location, reference) };
}

const NOT_READ =
  'This review could not read the registry of this image completely. Correct the failure that it reports for this registry, then start a new review.';

const reasonFor = (isEmptyIndex: boolean) =>
  isEmptyIndex ? EMPTY_INDEX : { code: 'registry-not-read', detail: NOT_READ };

/** Names of images outside ECR; images in ECR are known by location. */
function sortedNames(known: readonly string[], observations: readonly ObservedReference[]): string[] {
  const names = observations.flatMap(({ reference, location }) => (location ? [] : nameIn(reference)));
  return [...new Set([...known, ...names])].sort();
}

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
