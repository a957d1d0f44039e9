import { type Digest, type ImageLocation, locationKey, type Tier } from '../../shared/domain/image/image.ts';
import { hasLayers } from '../../shared/domain/image/image-properties.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { referencesOf } from '../../shared/domain/image/usage.ts';
import { isForeign } from '../../shared/domain/lineage/layered-image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { declaredReachIn } from '../../shared/domain/stream/declared-parents.ts';
import { lineOf, parseStreamId, streamRulesOf, streamsAt } from '../../shared/domain/stream/stream.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { readAncestors } from '../../shared/inventory/read-ancestors.ts';
import type { RolloutPorts } from './ports.ts';

const RECORDS_AT_ONCE = 100;

/** Lineage fields of an image: only these are kept of the whole fleet. */
interface Placed {
  readonly tier: Tier;
  readonly stream?: string;
  /** Its known repositories, as `locationKey`s. */
  readonly repositories: readonly string[];
  readonly parent?: Digest;
  /** Whether its lineage was read. */
  readonly isRead: boolean;
}

/** An image without a recorded lineage. */
export interface UnreadImage {
  readonly digest: Digest;
  /** Its first known repository, as `locationKey`. */
  readonly repository?: string;
}

/** Running images by ancestor. */
export interface RunningLineage {
  /** Images of a stream that run or are ancestors, each with its running descendants; itself included if it runs. */
  over(stream: string): ReadonlyMap<Digest, readonly Digest[]>;
  /** Running images with unknown lineage that may be built on an image of a stream. */
  unreadOver(stream: string): readonly Digest[];
  /** The same for images that ran in scopes that left. */
  unreadLeftOver(stream: string): readonly Digest[];
  /** The same for images that AWS says are in use. */
  unreadWitnessedOver(stream: string): readonly Digest[];
  /** The ancestor of a running image whose lineage no review has read. */
  unreadBelow(digest: Digest): UnreadImage;
  /**
   * Whether a container, known only by repository, may run a descendant of a stream.
   * @param tag the requested tag, if known
   */
  mayRun(stream: string, repository: string, tag?: string): boolean;
}

type LineagePorts = Pick<RolloutPorts, 'images' | 'streamImages' | 'usages'>;

/** Input of the search. */
export interface LineageQuestion {
  readonly policy: Policy;
  /** Every running image. */
  readonly inUse: ReadonlySet<Digest>;
  /** Images that ran in scopes that left. */
  readonly outOfSight?: ReadonlySet<Digest>;
  /** Images that AWS says are in use and of which the ledger knows no usage, with their repositories as `locationKey`s. */
  readonly witnessed?: ReadonlyMap<Digest, readonly string[]>;
  /** Streams with an open closure. */
  readonly streams: ReadonlySet<string>;
  /** Repositories of running containers without an identified image. */
  readonly unidentified: ReadonlySet<string>;
  /** Our own accounts. */
  readonly ours: ReadonlySet<string>;
  /**
   * Images without recorded lineage that the review placed from all it knows, with their parents. Anything hidden below
   * them is in an unread repository, whose own closures wait.
   */
  readonly placed?: ReadonlyMap<Digest, Digest | undefined>;
}

/**
 * Reads the lineage of every running image once for all closures, in batches. An image of the repository without a
 * stream also counts for the stream: its tags may have moved before they were read.
 * An image with unread lineage, or a container known only by repository, may be built on every base stream. It is
 * excluded only if all its repositories are in foreign accounts, or the policy declares another parent. Other images of
 * the repository prove nothing, unless the lineage of every recorded image of it was read: then a container of it runs
 * a descendant of one of their parents, and its tag was read too. For a container with a known tag, only rules with
 * matching head tags count.
 */
export async function readRunningLineage(ports: LineagePorts, question: LineageQuestion): Promise<RunningLineage> {
  const { policy, inUse, outOfSight = new Set<Digest>(), witnessed = new Map<Digest, string[]>(), streams } = question;
  const all = new Set([...inUse, ...outOfSight, ...witnessed.keys()]);
  const placed = await readPlaced(ports, question, [...all]);
  const unknown = [...all].filter((digest) => !placed.has(digest));
  for (const digest of unknown) placed.set(digest, await placeByUsage(ports, digest, witnessed.get(digest)));
  const targets = targetsOf(policy, streams);
  const over = new Map<string, Map<Digest, Digest[]>>();
  const unread = new Map<Digest, Walk>();
  const reached = new Map<string, Set<string>>();
  for (const digest of all) {
    const walk = walkDown(digest, placed, targets);
    for (const [stream, image] of walk.found) {
      const images = inMap(over, stream, () => new Map<Digest, Digest[]>());
      inMap(images, image, () => [] as Digest[]).push(digest);
    }
    for (const repository of placed.get(digest)?.repositories ?? [])
      for (const stream of walk.found.keys()) inMap(reached, repository, () => new Set<string>()).add(stream);
    if (walk.unread.length > 0) unread.set(digest, walk);
  }
  const mayBeBuiltOn = declaredReachIn(policy, question.ours);
  const mayHold = (stream: string, repository: string, tag?: string): boolean =>
    targets.repositoryOf(stream) === repository ||
    (isBorne(policy, stream) &&
      (reached.get(repository)?.has(stream) === true || mayBeBuiltOn(locationOf(repository), stream, tag)));
  // The images of a repository are read only if a container may run a descendant of a stream in another repository.
  const isAsked = (repository: string): boolean =>
    [...streams].some((stream) => targets.repositoryOf(stream) !== repository && mayHold(stream, repository));
  const ofRepository = await readRepositories(ports, question, [...question.unidentified].filter(isAsked), targets);
  const unreadOver = (among: ReadonlySet<Digest>, stream: string): readonly Digest[] =>
    [...unread]
      .filter(([digest, walk]) => among.has(digest) && !walk.found.has(stream) && mayLeadTo(stream, walk))
      .map(([digest]) => digest)
      .sort();
  return {
    over: (stream) => over.get(stream) ?? new Map(),
    unreadOver: (stream) => unreadOver(inUse, stream),
    unreadLeftOver: (stream) => unreadOver(outOfSight, stream),
    unreadWitnessedOver: (stream) => unreadOver(new Set(witnessed.keys()), stream),
    unreadBelow: (digest) => {
      const [image = digest] = unread.get(digest)?.unread ?? [];
      const [repository] = placed.get(image)?.repositories ?? [];
      return { digest: image, ...(repository !== undefined && { repository }) };
    },
    mayRun: (stream, repository, tag) =>
      mayHold(stream, repository, tag) &&
      (targets.repositoryOf(stream) === repository || ofRepository.get(repository)?.has(stream) !== false),
  };

  function mayLeadTo(stream: string, { unread: images }: Walk): boolean {
    return images.some((image) => mayBeOver(stream, placed.get(image)?.repositories ?? []));
  }

  function mayBeOver(stream: string, repositories: readonly string[]): boolean {
    return isBorne(policy, stream) && (repositories.length === 0 || repositories.some((one) => mayHold(stream, one)));
  }
}

/** Nothing is built on an application. */
const isBorne = (policy: Policy, stream: string): boolean =>
  streamRulesOf(policy, parseStreamId(stream).location).every(({ tier }) => tier !== 'application');

/** All requested images and their ancestors, level by level. */
async function readPlaced(
  ports: LineagePorts,
  { placed: now = new Map() }: Pick<LineageQuestion, 'placed'>,
  digests: readonly Digest[],
): Promise<Map<Digest, Placed>> {
  return readAncestors(
    ports.images,
    digests,
    (record) => placedOf(record, now),
    (_, { parent }) => (parent === undefined ? [] : [parent]),
  );
}

function placedOf(record: ImageRecord, now: ReadonlyMap<Digest, Digest | undefined>): Placed {
  const { digest, tier, stream, locations, lineage, unresolved } = record;
  const parent = lineage ? lineage.parent?.digest : now.get(digest);
  return {
    tier,
    ...(stream !== undefined && { stream }),
    repositories: locations.map(locationKey),
    ...(parent !== undefined && { parent }),
    isRead: isForeign({ tier }) || ((lineage !== undefined || now.has(digest)) && hasLayers(unresolved)),
  };
}

/** An unrecorded image is known only through its user, or through AWS. */
async function placeByUsage(
  { usages }: LineagePorts,
  digest: Digest,
  witnessedIn: readonly string[] = [],
): Promise<Placed> {
  const references = (await usages.ofImage(digest)).flatMap(referencesOf);
  const locations = references.flatMap((reference): readonly ImageLocation[] => {
    const location = readImageReference(reference)?.location;
    return location ? [location] : [];
  });
  const repositories = [...new Set([...locations.map(locationKey), ...witnessedIn])];
  return { tier: 'unmanaged', repositories, isRead: false };
}

interface Targets {
  readonly streams: ReadonlySet<string>;
  readonly byRepository: ReadonlyMap<string, readonly string[]>;
  repositoryOf(stream: string): string;
  /** Whether a rule of the policy has the stream: an edit of the pattern of a rule leaves the stream without one. */
  isRuled(stream: string): boolean;
}

function targetsOf(policy: Policy, streams: ReadonlySet<string>): Targets {
  const repositoryOf = (stream: string): string => locationKey(parseStreamId(stream).location);
  const ruled = new Set([...streams].filter((stream) => lineOf(policy, stream)));
  const byRepository = Map.groupBy(streams, repositoryOf);
  return { streams, byRepository, repositoryOf, isRuled: (stream) => ruled.has(stream) };
}

interface Walk {
  /** The first image met by stream; images below it were replaced by it. */
  readonly found: ReadonlyMap<string, Digest>;
  /** Images on the way without recorded lineage. */
  readonly unread: readonly Digest[];
}

function walkDown(digest: Digest, placed: ReadonlyMap<Digest, Placed>, targets: Targets): Walk {
  const found = new Map<string, Digest>();
  const met = new Set<Digest>();
  const unread: Digest[] = [];
  for (let at: Digest | undefined = digest; at !== undefined && !met.has(at); ) {
    met.add(at);
    const image = placed.get(at);
    if (image?.isRead !== true) unread.push(at);
    for (const stream of streamsOf(image, targets)) if (!found.has(stream)) found.set(stream, at);
    at = image?.parent;
  }
  return { found, unread };
}

/**
 * The streams of a target that an image may be of: those of all its repositories, because a copy elsewhere, or an edit of a pattern,
 * gives its record another stream. Only another line of the same repository says that it is not of a line that the policy still has.
 */
function streamsOf(image: Placed | undefined, targets: Targets): readonly string[] {
  if (!image) return [];
  const { stream: own, repositories } = image;
  const ofRepository = own === undefined ? undefined : targets.repositoryOf(own);
  const others = repositories.flatMap((repository) =>
    (targets.byRepository.get(repository) ?? []).filter(
      (stream) => stream !== own && (repository !== ofRepository || !targets.isRuled(stream)),
    ),
  );
  return own !== undefined && targets.streams.has(own) ? [own, ...others] : others;
}

/**
 * Streams on which images of some repositories are built. A repository without a recorded image, or with unread
 * lineage, is left out.
 */
async function readRepositories(
  ports: LineagePorts,
  question: LineageQuestion,
  repositories: readonly string[],
  targets: Targets,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>();
  for (const repository of repositories) {
    const found = await readRepository(ports, question, repository, targets);
    if (found) known.set(repository, found);
  }
  return known;
}

/** Reading ends at the first image that proves nothing: most images of a repository never ran and have no lineage. */
async function readRepository(
  ports: LineagePorts,
  question: LineageQuestion,
  repository: string,
  targets: Targets,
): Promise<ReadonlySet<string> | undefined> {
  const location = locationOf(repository);
  const found = new Set<string>();
  const isProven = async (piece: readonly Digest[]): Promise<boolean> => {
    const placed = await readPlaced(ports, question, piece);
    const walks = piece.map((digest) => walkDown(digest, placed, targets));
    for (const walk of walks) for (const stream of walk.found.keys()) found.add(stream);
    return walks.every(({ unread }) => unread.length === 0);
  };
  let images = 0;
  for (const list of [...streamsAt(question.policy, location), repository]) {
    let piece: Digest[] = [];
    for await (const digest of ports.streamImages.of(list)) {
      images += 1;
      piece.push(digest);
      if (piece.length < RECORDS_AT_ONCE) continue;
      if (!(await isProven(piece))) return undefined;
      piece = [];
    }
    if (!(await isProven(piece))) return undefined;
  }
  return images > 0 ? found : undefined;
}

/** The inverse of `locationKey`; repository names may contain slashes. */
export function locationOf(key: string): ImageLocation {
  const [account = '', region = '', ...repository] = key.split('/');
  return { account, region, repository: repository.join('/') };
}

function inMap<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
