import { sameContent } from '../domain/common/same-content.ts';
import { type Digest, type ImageLocation, locationKey } from '../domain/image/image.ts';
import type { ImageProperties } from '../domain/image/image-properties.ts';
import { readImageReference, referenceName } from '../domain/image/reference.ts';
import type { Observation } from '../domain/image/usage.ts';
import { isBuiltIn } from '../domain/policy/built-in-policy.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { classify } from '../domain/stream/tier.ts';
import { unapprovedNames } from '../domain/verdict/approved-registries.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { propertiesIn } from '../domain/verdict/image-updates.ts';
import { EMPTY_INDEX, UNFIT_INDEX, unionOfLocations, unresolvedContent } from './content-properties.ts';
import { firstOrigin, type Origin, originIn } from './origin.ts';
import { contentPropertiesOf } from './record-image.ts';

/** A reference to an image, and a container that has it. */
export type ObservedReference = Pick<Observation, 'reference' | 'location' | 'container'>;

/** Whether an index has no image at all, or none for the node. */
export type IndexWithoutImage = 'empty' | 'for-other-nodes';

/** How an image runs here: what is known without its registry. */
export interface InventoriedImage {
  /** One entry for each reference to it. */
  readonly observations: readonly ObservedReference[];
  readonly index?: IndexWithoutImage;
}

/** What other scopes say of the names of an image. */
export interface NamesElsewhere {
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
  const origin = originNow(policy, found, before, kept);
  if (
    before &&
    sameContent([before.locations, before.references ?? [], before.moreReferences ?? 0], named) &&
    sameContent(originIn(before), origin)
  ) {
    return propertiesIn(before);
  }
  const reason = reasonFor(index);
  const { unresolved = reason, ...content } = before ? contentPropertiesOf(before) : unresolvedContent(digest, reason);
  // Outside our registries no read is missing.
  const isMissing = content.mediaType === undefined && locations.length > 0;
  return {
    ...content,
    ...origin,
    locations,
    ...(references.length > 0 && { references }),
    ...(moreReferences > 0 && { moreReferences }),
    ...(before?.tagFacts && { tagFacts: before.tagFacts }),
    ...(isMissing && { unresolved }),
  };
}

type SeenOrigin = ReturnType<typeof originSeen>;

/**
 * Tier, stream and owner by all names and places. What a registry said of an image comes before each name that something runs
 * it by. If no registry has shown it, the policy says it of each name and place, so an edit of the policy reaches it.
 */
function originNow(
  policy: Policy,
  found: readonly SeenOrigin[],
  before: ImageRecord | undefined,
  names: readonly string[],
): Origin {
  if (!before) return firstOrigin(found);
  const known = {
    ...{ ...before, key: keyOf(before.locations[0], before.references?.[0]) },
    ...(before.mediaType !== undefined && { sinceEpochMs: 0 }),
  };
  if (isBuiltIn(policy)) return firstOrigin([known]);
  if (before.mediaType !== undefined || before.stream !== undefined) return firstOrigin([...found, known]);
  const here = new Set(found.map(({ name }) => name));
  const elsewhere = [
    ...before.locations.map((location) => ({ location, key: locationKey(location) })),
    ...names.map((reference) => ({ reference, key: reference })),
  ].filter(({ key }) => !here.has(key));
  const claims = [...found, ...elsewhere.map(({ key, ...source }) => ({ ...classify(policy, source), key }))];
  return claims.length > 0 ? firstOrigin(claims) : originIn(before);
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
  const [name] = location ? [locationKey(location)] : nameIn(reference);
  return { ...classify(policy, observed), key: keyOf(location, reference), name };
}

const NOT_READ =
  'This review could not read the registry of this image completely. Correct the failure that it reports for this registry, then start a new review.';

function reasonFor(index: InventoriedImage['index']) {
  if (index === undefined) return { code: 'registry-not-read', detail: NOT_READ };
  return index === 'empty' ? EMPTY_INDEX : UNFIT_INDEX;
}

/** Names of images outside ECR; images in ECR are known by location. */
export const namesIn = (observations: readonly ObservedReference[]): string[] =>
  observations.flatMap(({ reference, location }) => (location ? [] : nameIn(reference)));

/** An invalid reference names nothing; its container's image is known by digest. */
export function nameIn(reference: string | undefined): string[] {
  const named = readImageReference(reference);
  return named ? [referenceName(named)] : [];
}
