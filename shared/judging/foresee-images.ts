import { collect, mapConcurrently, onceForEach, piecesOf } from '../concurrency.ts';
import { resolveLineages } from '../domain/age/resolve-lineage.ts';
import { sameContent } from '../domain/common/same-content.ts';
import {
  type Digest,
  type ImageLocation,
  type IndexChild,
  locationKey,
  type Registry,
  registryKey,
} from '../domain/image/image.ts';
import { unionOfTags } from '../domain/image/image-properties.ts';
import { readImageReference } from '../domain/image/reference.ts';
import { referencesOf } from '../domain/image/usage.ts';
import {
  type BaseReadings,
  type BaseRepository,
  baseRepositoriesOf,
  coversPlace,
  type RegistryPart,
  readingsAfter,
  unreadIn,
} from '../domain/lineage/base-readings.ts';
import { hiddenParentsIn, unreadBetweenIn } from '../domain/lineage/hidden-parents.ts';
import type { Parent } from '../domain/lineage/parent.ts';
import { appliedWith } from '../domain/policy/applied-policy.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { withoutProtecting } from '../domain/retention/protecting-tag.ts';
import { declaredParentsIn } from '../domain/stream/declared-parents.ts';
import { streamsAt } from '../domain/stream/stream.ts';
import { streamRuleOf } from '../domain/stream/stream-policy.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import { judgesTagsAt } from '../domain/stream/tag-facts.ts';
import { means } from '../domain/stream/tag-holder.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { withLineage, withProperties } from '../domain/verdict/image-updates.ts';
import type { Verdict } from '../domain/verdict/verdict.ts';
import { type ComparedTags, compareTags, unmovedTagsOf } from '../inventory/compared-tags.ts';
import { recordedPlace } from '../inventory/origin.ts';
import { changedLineages, type PlacedLineage } from '../inventory/parents-before.ts';
import { readAncestors } from '../inventory/read-ancestors.ts';
import { type ReadPorts, readFleet } from '../inventory/read-fleet.ts';
import { contentPropertiesOf, recordedPropertiesOf } from '../inventory/record-image.ts';
import { allHeads, bearingLists, judgedDigests, unusedImages, withAncestors } from '../inventory/reviewed-images.ts';
import { seenProperties } from '../inventory/seen-properties.ts';
import type { Clock } from '../ports/clock.ts';
import type { EvidenceStore } from '../ports/evidence.ts';
import type {
  BaseReadingLedger,
  FleetPlaces,
  ImageIndex,
  ImageLedger,
  PlaceLedger,
  StreamLedger,
  UsageLedger,
} from '../ports/ledger.ts';
import type { Policies, PolicyVersion } from '../ports/policies.ts';
import { configBelowReader } from './config-below.ts';
import { judgementForeseen } from './judge-images.ts';
import { systemReader } from './system-below.ts';
import { ancestorReader } from './waived-ancestors.ts';

export interface ForeseeReviewPorts extends Pick<ReadPorts, 'contents' | 'streamImages'> {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly index: Pick<ImageIndex, 'bornBefore' | 'withVerdict'>;
  readonly places: Pick<PlaceLedger, 'holders' | 'indexes'>;
  readonly fleetPlaces: FleetPlaces;
  readonly streams: Pick<StreamLedger, 'all' | 'firstSeen'>;
  readonly usages: Pick<UsageLedger, 'ofImage'>;
  readonly baseReadings: Pick<BaseReadingLedger, 'read'>;
  readonly evidence: Pick<EvidenceStore, 'findings'>;
  readonly policies: Pick<Policies, 'history'>;
  readonly clock: Clock;
}

/** What the next review will write, if its policy is another one, and nothing else changes. */
export interface ForeseenReview {
  /** Images that the review judges, sorted. */
  readonly judged: readonly Digest[];
  /** Those of the images that the ledger knows. */
  read(digests: readonly Digest[]): Promise<readonly ForeseenImage[]>;
  judge(image: ForeseenImage): Promise<Verdict>;
}

export interface ForeseenImage {
  /** As the ledger has it now. */
  readonly now: ImageRecord;
  /** As the review records it before it judges. */
  readonly next: ImageRecord;
}

const IMAGES_A_READ = 100;
const USAGES_AT_ONCE = 16;

/**
 * Foresees the next review under a policy that is not in force, by the functions of the review over the records of the ledger. It asks
 * no registry and no scanner, and writes nothing.
 * @param before the policy in force; `undefined` if there is none, or it cannot be read
 */
export async function foreseeReview(
  ports: ForeseeReviewPorts,
  next: PolicyVersion,
  before: Policy | undefined,
): Promise<ForeseenReview> {
  const { policy } = next;
  const recorded = changesProperties(before, policy) ? propertiesReader(ports, policy) : async (all: Images) => all;
  const placed = {
    ...ports,
    images: { get: async (digests: readonly Digest[]) => recorded(await ports.images.get(digests)) },
  };
  const inUse = await imagesInUse(ports);
  const isListed = listedIn(policy);
  const streams = (await collect(ports.streams.all())).map((stream) => foreseenStream(policy, isListed, stream));
  const found = changesLineage(before, policy)
    ? await lineagesForeseen(placed, policy, inUse, streams)
    : await recordedLineages(placed, inUse, streams);
  const recordedNext = async (now: Images): Promise<Images> =>
    new Map([...(await recorded(now))].map(([digest, image]) => [digest, withFound(image, found.changed.get(digest))]));
  const images = { get: async (digests: readonly Digest[]) => recordedNext(await ports.images.get(digests)) };
  const unused = unusedImages(policy, streams, inUse, found.parents, found.streamOf);
  const readHistory = async () => {
    const { applied, ...read } = await ports.policies.history();
    return { ...read, applied: appliedWith(applied, next, ports.clock()) };
  };
  let history: ReturnType<typeof readHistory> | undefined;
  const judging = {
    ...{ streams: ports.streams, evidence: ports.evidence, history: () => (history ??= readHistory()) },
    ...{ ancestors: ancestorReader({ images, evidence: ports.evidence }) },
    ...{ configBelow: configBelowReader({ images }), systemBelow: systemReader({ images }) },
  };
  return {
    judged: [...inUse, ...unused].sort(),
    read: async (digests) => {
      const now = await ports.images.get(digests);
      const after = await recordedNext(now);
      return [...now].map(([digest, image]) => ({ now: image, next: after.get(digest) ?? image }));
    },
    judge: async (image) => (await judgementForeseen(judging, next, image.next, ports.clock())).verdict,
  };
}

type Images = ReadonlyMap<Digest, ImageRecord>;

async function imagesInUse({ index, images, clock }: ForeseeReviewPorts): Promise<ReadonlySet<Digest>> {
  const inUse = new Set<Digest>();
  for (const piece of piecesOf(await judgedDigests({ index, clock }), IMAGES_A_READ))
    for (const [digest, image] of await images.get(piece)) if (image.inUse) inUse.add(digest);
  return inUse;
}

/** The parts of a policy that decide tier, stream, owner, and which tags are judged. */
const placing = ({ streams, mirrors, awsManaged, scopes, tags }: Policy) => ({
  ...{ mirrors, awsManaged, scopes, tags },
  streams: streams.map(({ id, tier, account, regions, repositories, headTags, names, owner, pipeline, promotes }) => ({
    ...{ id, tier, account, regions, repositories, headTags, names, owner, promotes },
    pipelineAccount: pipeline?.account,
  })),
});

const changesProperties = (before: Policy | undefined, next: Policy): boolean =>
  before === undefined || !sameContent(placing(before), placing(next));

const changesLineage = (before: Policy | undefined, next: Policy): boolean =>
  before === undefined ||
  changesProperties(before, next) ||
  before.ages.vendorCounts !== next.ages.vendorCounts ||
  !sameContent(parentsOf(before), parentsOf(next));

const parentsOf = ({ streams }: Policy) => streams.map(({ id, parents }) => ({ id, parents }));

/** Whether the next review lists the repository of a place. */
function listedIn(policy: Policy): (location: ImageLocation) => boolean {
  const bases = baseRepositoriesOf(policy);
  const known = new Map<string, boolean>();
  return (location) => {
    const key = locationKey(location);
    const isListed = known.get(key) ?? bases.some((one) => coversPlace(one, location));
    known.set(key, isListed);
    return isListed;
  };
}

/** A review records the streams of the repositories that it lists. */
function foreseenStream(
  policy: Policy,
  isListed: (location: ImageLocation) => boolean,
  record: StreamRecord,
): StreamRecord {
  const { stream, location } = record;
  const rule = isListed(location) ? streamRuleOf(policy, stream) : undefined;
  return rule ? { ...record, tier: rule.tier } : record;
}

/**
 * The properties that the next review records: by the registries of repositories that it lists and of images in use, then by what
 * runs. Other images stay as they are.
 */
function propertiesReader(ports: ForeseeReviewPorts, policy: Policy): (images: Images) => Promise<Images> {
  const { fleetPlaces, usages } = ports;
  const isListed = listedIn(policy);
  const tagsOf = comparedTagsReader(ports, policy);
  return async (images) => {
    const readAgain = [...images.values()].filter(({ inUse, locations }) => inUse || locations.some(isListed));
    const places = await fleetPlaces.locationsOf(readAgain);
    const after = await mapConcurrently(readAgain, USAGES_AT_ONCE, async (image) => {
      const recorded = places.get(image.digest) ?? [];
      const listed = recorded.filter(({ location }) => isListed(location));
      let shown = image;
      for (const record of listed.length > 0 ? listed : recorded.slice(0, 1)) {
        const { location } = record;
        const compared = isListed(location) && isTagUnknown(policy, shown, location) && (await tagsOf(location));
        const seen = {
          ...{ content: contentPropertiesOf(shown), place: recordedPlace(record) },
          ...(compared && { unmovedTags: unmovedTagsOf(image.digest, compared.tags, compared.indexes) }),
        };
        shown = withProperties(shown, recordedPropertiesOf(policy, seen, shown, recorded, ports.clock()));
      }
      return [image.digest, image.inUse ? await seenAgain(usages, policy, shown) : shown] as const;
    });
    return new Map([...images, ...after]);
  };
}

/** Whether the policy judges tags at a place, and no review has compared those of an image there. */
function isTagUnknown(policy: Policy, { tagFacts = [] }: ImageRecord, location: ImageLocation): boolean {
  const key = locationKey(location);
  return (
    judgesTagsAt(policy, location) &&
    !tagFacts.some((one) => locationKey(one.location) === key && one.unmovedTags !== undefined)
  );
}

interface RepositoryTags {
  readonly tags: ComparedTags;
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
}

/** The tags of a repository as the ledger knows them, compared as a review compares those that the registry lists. */
function comparedTagsReader(
  { streamImages, fleetPlaces, places }: ForeseeReviewPorts,
  policy: Policy,
): (location: ImageLocation) => Promise<RepositoryTags> {
  const read = onceForEach(async (key: string): Promise<RepositoryTags> => {
    const [account = '', region = '', ...rest] = key.split('/');
    const location = { account, region, repository: rest.join('/') };
    const lists = [key, ...streamsAt(policy, location)];
    const digests = new Set((await Promise.all(lists.map((list) => collect(streamImages.of(list))))).flat());
    const known = new Set<string>();
    for (const piece of piecesOf([...digests], IMAGES_A_READ)) {
      const recorded = await fleetPlaces.locationsOf(piece.map((digest) => ({ digest, locations: [location] })));
      for (const { tags, askedTags } of [...recorded.values()].flat())
        for (const tag of withoutProtecting(unionOfTags(tags, askedTags))) known.add(tag);
    }
    const holders = await places.holders(location, [...known]);
    const named = [...holders].filter(([, holder]) => means(holder, holder.digest));
    const tags = compareTags(named.map(([tag, { digest }]) => ({ digest, tags: [tag] })));
    return { tags, indexes: await places.indexes([...new Set(tags.named.values())]) };
  });
  return (location) => read(locationKey(location));
}

async function seenAgain(
  usages: ForeseeReviewPorts['usages'],
  policy: Policy,
  image: ImageRecord,
): Promise<ImageRecord> {
  if (image.mediaType !== undefined) return image;
  const observations = (await usages.ofImage(image.digest)).flatMap((usage) => {
    const { container } = usage;
    const references = referencesOf(usage);
    if (references.length === 0) return [{ container }];
    return references.map((reference) => {
      const location = readImageReference(reference)?.location;
      return { container, reference, ...(location && { location }) };
    });
  });
  return withProperties(image, seenProperties(policy, image.digest, { observations }, image));
}

interface FoundLineages {
  readonly parents: ReadonlyMap<Digest, Parent>;
  readonly streamOf: (digest: Digest) => string | undefined;
  readonly changed: ReadonlyMap<Digest, PlacedLineage>;
}

/** As the lineage step of the review finds them. */
async function lineagesForeseen(
  ports: ForeseeReviewPorts,
  policy: Policy,
  inUse: ReadonlySet<Digest>,
  streams: readonly StreamRecord[],
): Promise<FoundLineages> {
  const readings = await readingsForeseen(ports, policy);
  const reading = { ...ports, declaredParents: declaredParentsIn(policy) };
  const all = [...inUse, ...allHeads(streams)];
  const fleet = await readFleet(reading, bearingLists(streams, listsForeseen(policy, streams)), all);
  const [failure] = fleet.failures;
  if (failure) throw failure.error;
  const known = {
    ...{ ...fleet, heads: new Map(streams.map(({ stream, head }) => [stream, head])) },
    ...{ mayHide: hiddenParentsIn(policy, readings), mayLieBetween: unreadBetweenIn(policy, readings) },
    isWhole: unreadIn(policy, readings).length === 0,
    around: new Set(fleet.images.keys()),
  };
  const found = resolveLineages(known, ports.clock(), policy.ages.vendorCounts);
  const changed = await changedLineages(ports, fleet, found, withAncestors(all, found));
  return {
    parents: found.parents,
    streamOf: (digest) => fleet.images.get(digest)?.aged.stream,
    changed: new Map(changed.map(({ digest, lineage }) => [digest, lineage])),
  };
}

/** The next review reads each repository, except for those that the last one could not read. */
async function readingsForeseen({ baseReadings, clock }: ForeseeReviewPorts, policy: Policy): Promise<BaseReadings> {
  const before = await baseReadings.read();
  const registries = new Map<string, Registry>(baseRepositoriesOf(policy).map((one) => [registryKey(one), one]));
  const parts = [...registries.keys()].map((key): RegistryPart => {
    const unread = (before?.unread ?? []).filter((one) => one.startsWith(`${key}/`));
    return {
      ...({ kind: 'registry', key, status: 'complete', images: 0, missing: 0, beganAtEpochMs: clock() } as const),
      unread: unread.map((one) => one.slice(key.length + 1)),
    };
  });
  return readingsAfter(policy, before, parts);
}

/** As `baseListsOf`, where the repositories of patterns are those of known streams. */
function listsForeseen(policy: Policy, streams: readonly StreamRecord[]) {
  const isListed = listedIn(policy);
  const named = baseRepositoriesOf(policy).filter(({ repository }) => !repository.includes('*'));
  const known = streams.flatMap(({ location }) => (isListed(location) ? [location] : []));
  const locations = [...named.map(placeOf), ...known.map(placeOf)];
  return {
    streams: locations.flatMap((location) => streamsAt(policy, location)),
    places: locations.map(locationKey),
  };
}

const placeOf = ({ account, region, repository }: BaseRepository | ImageLocation): ImageLocation => ({
  ...{ account, region, repository },
});

/** The policy changes nothing about them. */
async function recordedLineages(
  { images }: ForeseeReviewPorts,
  inUse: ReadonlySet<Digest>,
  streams: readonly StreamRecord[],
): Promise<FoundLineages> {
  const known = await readAncestors(images, [...inUse, ...allHeads(streams)], ({ stream, lineage }) => ({
    ...(stream !== undefined && { stream }),
    ...(lineage?.parent && { parent: lineage.parent }),
  }));
  return {
    parents: new Map([...known].flatMap(([digest, { parent }]) => (parent ? [[digest, parent] as const] : []))),
    streamOf: (digest) => known.get(digest)?.stream,
    changed: new Map(),
  };
}

const withFound = (image: ImageRecord, lineage: PlacedLineage | undefined): ImageRecord =>
  (lineage && withLineage(image, lineage)) ?? image;
