import { type LineageImage, withUnpacked } from '../../shared/domain/age/resolve-lineage.ts';
import { headsShown } from '../../shared/domain/attribution/parent-heads.ts';
import type { Pinned, Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { type Digest, type Platform, registryKey } from '../../shared/domain/image/image.ts';
import { isSameContent } from '../../shared/domain/lineage/content-groups.ts';
import { streamBelow } from '../../shared/domain/lineage/find-parents.ts';
import { isPinned, type PushedContent } from '../../shared/domain/lineage/pinned-parent.ts';
import { headFor, type StaleParent } from '../../shared/domain/lineage/stale-parent.ts';
import { headDigestOf } from '../../shared/domain/stream/heads.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { type ReadFleet, readFleet } from '../../shared/inventory/read-fleet.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import type { StreamLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { RebuildLedger } from '../../shared/ports/rebuilds.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import { LineageIncompleteError } from './errors.ts';
import type { LineageStepInput } from './input.ts';
import { type AroundPorts, placeNew, readAround } from './read-around.ts';

export interface PlaceOutputPorts extends AroundPorts {
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly streams: Pick<StreamLedger, 'streams'>;
  readonly rebuilds: Pick<RebuildLedger, 'get' | 'record'>;
}

export interface PlacedOutput {
  /** Output images with known lineage. */
  readonly placed: number;
  /** Output images without a record, which the caller requests again. */
  readonly missing: number;
}

/**
 * Finds the parents of a rebuild's output, and whether they are the heads that it should use. Verification waits for
 * this.
 * @throws InvalidInputError if the rebuild does not exist or its output is not found yet
 * @throws LineageIncompleteError if something could not be read: unknown data proves no parent
 */
export async function placeOutput(
  ports: PlaceOutputPorts,
  input: LineageStepInput<'place-output'>,
): Promise<PlacedOutput> {
  const { cascadeId, stream, rebuildId } = input;
  const [rebuild, { policy }] = await Promise.all([
    ports.rebuilds.get(stream, rebuildId),
    policyInForce(ports.policies),
  ]);
  if (rebuild?.cascadeId !== cascadeId || rebuild.output === undefined)
    throw new InvalidInputError([`rebuildId: cascade ${cascadeId} has no output for rebuild ${rebuildId}`]);
  const output = await imagesUnder(ports.places, rebuild.output);
  const fleet = await readAround(ports, policy, output);
  const known = output.filter((digest) => fleet.images.has(digest));
  const found = await placeNew(ports, policy, fleet, known);
  const below = known.flatMap((digest) => {
    const parent = streamBelow(found.parents, digest, (one) => fleet.images.get(one)?.aged.stream);
    return parent ? [{ digest, stream: parent.stream, parentDigest: parent.digest }] : [];
  });
  const places = await placesOf(ports, fleet, rebuild, below);
  const unread = known.filter((digest) => !found.of(digest)).flatMap((digest) => found.unreadBelow(digest));
  await recordPlaces(ports, rebuild, { ...places, unreadRegistries: [...new Set(unread.map(registryKey))].sort() });
  return { placed: known.length, missing: output.length - known.length };
}

interface Below {
  readonly digest: Digest;
  readonly stream: string;
  readonly parentDigest: Digest;
}

type Places = Required<Pick<Rebuild, 'pinned'>> & Pick<Rebuild, 'builtOn'>;

/**
 * Which parent heads an output uses and which it missed: one pin for each stream, from the first image that is pinned
 * to an older head.
 */
async function placesOf(
  ports: PlaceOutputPorts,
  fleet: ReadFleet,
  rebuild: Rebuild,
  below: readonly Below[],
): Promise<Places> {
  if (below.length === 0) return { pinned: [] };
  const [streams, built, asked] = await Promise.all([
    ports.streams.streams([...new Set(below.map(({ stream }) => stream))]),
    rebuild.parentHead === undefined ? [] : imagesUnder(ports.places, rebuild.parentHead),
    askedHeads(ports, rebuild),
  ]);
  const heads = [...streams.values()].flatMap(({ head }) => Object.values(head?.images ?? {}));
  const { images, failures } = await readFleet({ ...ports, declaredParents: () => [] }, new Set(), [
    ...heads,
    ...built,
    ...asked.values().flatMap((one) => one.images),
  ]);
  const [first] = failures;
  if (first) throw new LineageIncompleteError(failures.length, first.key, first.error);
  const pinned = new Map<string, Pinned>();
  for (const { digest, stream, parentDigest: older } of below) {
    const platform = fleet.images.get(digest)?.layered.platform;
    const own = built.filter((one) => images.get(one)?.aged.stream === stream);
    const expected =
      expectedOf({ head: rebuild.parentHead, images: own }, platform, images) ??
      headBefore(streams.get(stream), platform, images, rebuild) ??
      expectedOf(asked.get(stream), platform, images);
    const lineage = pushedIn(fleet.images, older);
    if (!expected || !lineage || pinned.has(stream) || !isPinned(lineage, expected.image)) continue;
    const from = fleet.images.get(digest)?.layered.labels?.[BASE_NAME];
    pinned.set(stream, { stream, head: expected.head, parentDigest: older, ...(from !== undefined && { from }) });
  }
  const builtOn = headsShown(headsUnder(below, { fleet, streams, images }));
  return { pinned: [...pinned.values()], ...(builtOn && builtOn.parents !== rebuild.parents && { builtOn }) };
}

/** The current head by parent stream; `undefined` if an output image is built on another image. */
function headsUnder(
  below: readonly Below[],
  {
    fleet,
    streams,
    images,
  }: { readonly fleet: ReadFleet; readonly streams: ReadonlyMap<string, StreamRecord>; readonly images: Images },
): ReadonlyMap<string, Digest | undefined> {
  const isOnHead = ({ digest, stream, parentDigest: older }: Below): boolean => {
    const head = streams.get(stream)?.head;
    const now = pushedIn(images, head && headFor(fleet.images.get(digest)?.layered.platform, head));
    return now !== undefined && isSameContent(now, pushedIn(fleet.images, older) ?? {});
  };
  const byStream = Map.groupBy(below, ({ stream }) => stream);
  return new Map(
    Array.from(byStream, ([stream, own]) => [
      stream,
      own.every(isOnHead) ? headDigestOf(streams.get(stream)?.head) : undefined,
    ]),
  );
}

const BASE_NAME = 'org.opencontainers.image.base.name';

interface Expected extends Pick<StaleParent, 'head'> {
  readonly image: PushedContent;
}

type Images = ReadonlyMap<Digest, LineageImage>;

/** A head that a rebuild should use, and the images below it. */
interface AskedHead {
  readonly head?: Digest | undefined;
  readonly images: readonly Digest[];
}

/**
 * The requested head by parent stream. It counts if the stream has no head now, or only one pushed after the
 * reservation: a team may delete a head while the rebuild waits or runs.
 */
async function askedHeads(
  { places }: Pick<PlaceOutputPorts, 'places'>,
  { facts }: Rebuild,
): Promise<ReadonlyMap<string, AskedHead>> {
  const moved = facts.flatMap((fact) =>
    fact.kind === 'parent-moved' && fact.head !== undefined ? [[fact.parent, fact.head] as const] : [],
  );
  const found = await Promise.all(
    moved.map(async ([parent, head]) => [parent, { head, images: await imagesUnder(places, head) }] as const),
  );
  return new Map(found);
}

/** From the reservation, which includes outputs of the same cascade, or from the request. */
function expectedOf(
  asked: AskedHead | undefined,
  platform: Platform | undefined,
  images: Images,
): Expected | undefined {
  const under = asked?.images.map((one) => [images.get(one)?.layered.platform ?? '', one]) ?? [];
  const image = pushedIn(images, headFor(platform, { images: Object.fromEntries(under) }));
  return image && asked?.head !== undefined ? { head: asked.head, image } : undefined;
}

/** The head of a stream if it was head before the reservation; the rebuild cannot use a later one. */
function headBefore(
  record: StreamRecord | undefined,
  platform: Platform | undefined,
  images: Images,
  { reservedAtEpochMs }: Rebuild,
): Expected | undefined {
  const head = headDigestOf(record?.head);
  const image = pushedIn(images, record?.head && headFor(platform, record.head));
  if (head === undefined || !image) return undefined;
  const { pushedAtEpochMs = 0 } = image;
  return pushedAtEpochMs <= reservedAtEpochMs ? { head, image } : undefined;
}

function pushedIn(images: Images, one: Digest | undefined): PushedContent | undefined {
  const image = one && images.get(one);
  if (!image) return undefined;
  const { digest, chainId, unpackedId } = withUnpacked(image);
  const { firstPushedAtEpochMs: pushedAtEpochMs } = image.layered;
  return {
    digest,
    ...(chainId !== undefined && { chainId }),
    ...(unpackedId !== undefined && { unpackedId }),
    ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
  };
}

/** Recorded first: the outcome depends on it. */
async function recordPlaces(
  { rebuilds }: PlaceOutputPorts,
  { stream, rebuildId }: Rebuild,
  places: Places & Required<Pick<Rebuild, 'unreadRegistries'>>,
): Promise<void> {
  await rebuilds.record(stream, rebuildId, (before) => {
    if (!before || before.outcome) return undefined;
    const { pinned = [], unreadRegistries = [], builtOn, ...others } = before;
    const isKnown = sameContent({ pinned, unreadRegistries, ...(builtOn && { builtOn }) }, places);
    return isKnown ? undefined : { ...others, ...places };
  });
}
