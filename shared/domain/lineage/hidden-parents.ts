import { globsOverlap } from '../common/glob.ts';
import { HOUR_MS } from '../common/time.ts';
import { FOREIGN_TIERS, type ImageLocation, locationKey, type Tier } from '../image/image.ts';
import { isBuiltIn } from '../policy/built-in-policy.ts';
import type { Policy, StreamRule } from '../policy/policy.ts';
import { lineOf, parseStreamId, streamRulesOf } from '../stream/stream.ts';
import { type BaseReadings, coversPlace, type UnreadRepository, unreadIn } from './base-readings.ts';
import { referenceClaimed } from './claimed-parents.ts';
import { isForeign, type LayeredImage } from './layered-image.ts';
import type { LineageEvidence } from './parent.ts';

/** What the found parent of an image shows about hidden images between or below. */
export interface FoundParent {
  readonly evidence: LineageEvidence;
  readonly stream?: string;
  readonly tier?: Tier;
  /** Its age counts from its build, so no image built on it later can be older. */
  readonly isAgeItsOwn: boolean;
  /** Neither it nor an ancestor is a base, and its age does not count once a base is built on it. */
  readonly isVendors?: true;
}

/** Places of images that no review has read. */
export interface Hiding {
  /** The unread repositories; empty if it is unknown which repositories exist. */
  readonly repositories: readonly UnreadRepository[];
}

/** Where an older ancestor of an image may be; `undefined` if there is none. */
export type MayHide = (image: LayeredImage, parent: FoundParent | undefined) => Hiding | undefined;

/**
 * Which images may be built on images that no review has read. An unread repository matters for an image only if all of
 * these hold:
 * - the image was pushed after the last complete read of the repository, or its push time is unknown;
 * - the policy declares that its stream is built from that repository, or declares nothing for the stream; an empty
 * list of parents says that it is built from no stream of the policy. For an image of no stream, all rules of its
 * repositories count together;
 * - its label names an image of that repository, or no parent was found and the tier of the repository may be below it.
 * An image between it and a found parent is younger than that parent, so it changes no age. There are two exceptions.
 * If a rebuild reproduced the parent's content, or the content has no build date, the image between may be older. If
 * the parent is a vendor's and its age does not count below a base, a base between decides the age.
 *
 * A mirrored repository hides the age of a base only if the ages of vendors count there (`ages.vendorCounts`).
 */
export function hiddenParentsIn(policy: Policy, readings: BaseReadings | undefined): MayHide {
  // It is unknown which repositories exist.
  if (isBuiltIn(policy)) return () => ({ repositories: [] });
  const unread = unreadIn(policy, readings);
  const declared = declarationsIn(policy);
  return (image, parent) => {
    const ages = image.tier === 'base' && !policy.ages.vendorCounts ? unread.filter(isBuilt) : unread;
    const relevant = ages.filter((repository) => isAfter(image, repository));
    if (relevant.length === 0 || isForeign(image)) return undefined;
    const isHidden = (location: ImageLocation): boolean => relevant.some((one) => coversPlace(one, location));
    const found =
      parent && SHOWN.includes(parent.evidence) && parent.stream !== undefined ? placeOf(parent.stream) : '';
    const isFound = (location: ImageLocation): boolean => locationKey(location) === found;
    const named = referenceClaimed(image)?.location;
    if (named && isHidden(named) && !isFound(named)) return hidingIn(relevant, named);
    const isBound = parent?.isAgeItsOwn === true;
    // An image between the two is younger, also if the policy declares more than the layers show.
    if (isBound && !parent.isVendors && SHOWN.includes(parent.evidence)) return undefined;
    const parents = declared(image);
    if (parents) return hidingIn(relevant, ...parents.filter((location) => !isFound(location)));
    if (isBound && !parent.isVendors) return undefined;
    // A base is built on no platform. A platform or an import between is younger than the vendor's image.
    const isPossible = (tier: Tier): boolean =>
      tier === 'base' || (!isBound && (tier === 'mirrored' || image.tier !== 'base'));
    return hiding(relevant.filter(({ tier }) => isPossible(tier)));
  };
}

/** Unread repositories that may contain an image between another one and its found parent, or below it if none was found. */
export type MayLieBetween = (image: LayeredImage, parent: FoundParent | undefined) => readonly UnreadRepository[];

/**
 * Which unread repositories may contain the true parent of an image, that is, an image built on the found parent. A
 * build starts from the head of the true parent, which then is unknown. A repository matters only if all of these hold:
 * - the image was pushed after the last complete read of the repository, or its push time is unknown;
 * - the repository is not that of the found parent, because a build starts from the head of that stream either way;
 * - the label of the image names it. If the label names none, the policy declares it as a parent. If the policy
 * declares nothing, its tier may lie between the two: a base only on a base or a mirrored image, and never on a platform;
 * a mirrored image only on a vendor's.
 *
 * If no parent was found, `hiddenParentsIn` has the answer. It leaves out one case, because there no age is hidden: a base
 * may be built on an image of an unread mirrored repository.
 */
export function unreadBetweenIn(policy: Policy, readings: BaseReadings | undefined): MayLieBetween {
  if (isBuiltIn(policy)) return () => [];
  const unread = unreadIn(policy, readings);
  const declared = declarationsIn(policy);
  return (image, parent) => {
    const { stream, tier } = parent ?? {};
    if (!parent && (image.tier !== 'base' || policy.ages.vendorCounts)) return [];
    const found = stream === undefined ? undefined : parseStreamId(stream).location;
    const relevant = (parent ? unread : unread.filter((one) => !isBuilt(one))).filter(
      (one) => isAfter(image, one) && !(found && coversPlace(one, found)),
    );
    if (relevant.length === 0 || isForeign(image)) return [];
    const named = referenceClaimed(image)?.location;
    if (named) return relevant.filter((one) => meets(one, named));
    const parents = declared(image);
    if (parents) return relevant.filter((one) => parents.some((place) => meets(one, place)));
    const isPossible = ({ tier: between }: UnreadRepository): boolean =>
      between === 'mirrored'
        ? !parent || FOREIGN_TIERS.includes(tier)
        : between === 'base'
          ? tier !== 'platform'
          : image.tier !== 'base';
    return relevant.filter(isPossible);
  };
}

const isBuilt = ({ tier }: UnreadRepository): boolean => tier !== 'mirrored';

const hiding = (repositories: readonly UnreadRepository[]): Hiding | undefined =>
  repositories.length === 0 ? undefined : { repositories };

const hidingIn = (unread: readonly UnreadRepository[], ...places: readonly ImageLocation[]): Hiding | undefined =>
  hiding(unread.filter((one) => places.some((place) => meets(one, place))));

/** Both may be patterns; they match if one repository fits both. */
const meets = ({ account, region, repository }: UnreadRepository, place: ImageLocation): boolean =>
  account === place.account && region === place.region && globsOverlap(repository, place.repository);

/** Evidence that a name or an order of pushes cannot fake. */
const SHOWN: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids', 'label-digest'];

const placeOf = (stream: string): string => locationKey(parseStreamId(stream).location);

/** Pushes use the registry's clock, reads use ours. */
const SKEW_MS = HOUR_MS;

const isAfter = ({ firstPushedAtEpochMs }: LayeredImage, { readAtEpochMs }: UnreadRepository): boolean =>
  readAtEpochMs === undefined || firstPushedAtEpochMs === undefined || firstPushedAtEpochMs + SKEW_MS >= readAtEpochMs;

/**
 * The declared parent repositories of an image; `undefined` if there is no declaration. For an image of no stream (a
 * hotfix, a branch), each rule of each of its repositories must declare something, because any of them may have made
 * it.
 */
function declarationsIn(policy: Policy): (image: LayeredImage) => readonly ImageLocation[] | undefined {
  const rules = new Map(policy.streams.map((rule) => [rule.id, rule]));
  return (image) => {
    const own = rulesOf(policy, image);
    const declared = own.flatMap(({ parents }) => (parents ? [parents] : []));
    if (own.length === 0 || declared.length < own.length) return undefined;
    return declared.flat().flatMap((id) => {
      const { account = '', regions = [], repositories = [] } = rules.get(id) ?? {};
      return regions.flatMap((region) => repositories.map((repository) => ({ account, region, repository })));
    });
  };
}

/** The rules that may have made an image; empty if one of its repositories has no rule. */
function rulesOf(policy: Policy, { stream, locations = [] }: LayeredImage): readonly StreamRule[] {
  if (stream === undefined) {
    const ofEach = locations.map((location) => streamRulesOf(policy, location));
    return ofEach.some((rules) => rules.length === 0) ? [] : ofEach.flat();
  }
  const rule = lineOf(policy, stream)?.rule;
  return rule ? [rule] : [];
}
