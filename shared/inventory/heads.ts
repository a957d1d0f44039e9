import { mapConcurrently } from '../concurrency.ts';
import { sameContent } from '../domain/common/same-content.ts';
import type { Digest, ImageLocation, IndexChild, Platform } from '../domain/image/image.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { findStreams } from '../domain/stream/heads.ts';
import { streamRulesOf } from '../domain/stream/stream.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { LedgerContendedError } from '../ports/errors.ts';
import type { ImageLedger, StreamLedger } from '../ports/ledger.ts';
import type { RegistryImage } from '../ports/registry.ts';

const WRITES_AT_ONCE = 16;

/** An image in a registry listing, and since when its tags name it. */
export interface ListedImage extends RegistryImage {
  /** A tag that is not in it is unknown. */
  readonly taggedAt: ReadonlyMap<string, number>;
}

interface Listed {
  readonly location: ImageLocation;
  readonly listing: readonly ListedImage[];
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
  /** The platforms of images read just now; the others are looked up. */
  readonly platforms?: ReadonlyMap<Digest, Platform>;
  /** Its streams, if they were read before all of this. */
  readonly before?: ReadonlyMap<string, StreamRecord>;
}

interface HeadPorts {
  readonly images: ImageLedger;
  readonly streams: StreamLedger;
}

type Images = ReadonlyMap<Digest, ImageRecord>;

/**
 * Writes the head of every release line of a repository, and which images are no longer heads.
 * @throws LedgerContendedError if another read moved a head meanwhile: this listing may be older
 */
export async function recordHeads({ images, streams }: HeadPorts, policy: Policy, listed: Listed): Promise<void> {
  const read = await images.get(digestsIn(listed));
  const now = streamsOf(policy, listed, read);
  const before = listed.before ?? (await streams.streams(now.map(({ stream }) => stream)));
  const were = headImages(now.flatMap(({ stream }) => before.get(stream) ?? []));
  const are = headImages(now);
  // A writer that moves a head marks the images first, so marks read before the heads may be outdated.
  const known = await withRest(images, listed.before ? read : new Map(), [...were, ...are]);
  const changed = known.filter(({ digest, isHead }) => isHead !== are.has(digest));
  await mapConcurrently(changed, WRITES_AT_ONCE, ({ digest }) =>
    images.recordPresence(digest, { isHead: are.has(digest) }),
  );
  // Last: after a crash here, the next read still finds the earlier heads and removes their marks.
  const touched = new Set(changed.map(({ digest }) => digest));
  // Compare heads even if only isHead flags differ, because another writer that moved it marked it too.
  const compared = now.filter(
    (stream) => !sameContent(stream, before.get(stream.stream)) || !headImages([stream]).isDisjointFrom(touched),
  );
  const written = await mapConcurrently(compared, WRITES_AT_ONCE, async (stream) =>
    streams.recordStream(stream, before.get(stream.stream)),
  );
  const lost = compared.find((_, index) => !written[index]);
  if (!lost) return;
  // Of two writers that marked heads only one wrote them, so the marks follow the stored heads.
  const stand = headImages([...(await streams.streams(now.map(({ stream }) => stream))).values()]);
  await mapConcurrently(changed, WRITES_AT_ONCE, ({ digest }) =>
    images.recordPresence(digest, { isHead: stand.has(digest) }),
  );
  throw new LedgerContendedError(`STREAM#${lost.stream}`, 1);
}

/** All unknown digests that may be heads: the listed ones, and the images of their indexes. */
const digestsIn = ({ listing, indexes, platforms }: Listed): readonly Digest[] =>
  platforms
    ? listing.flatMap(({ digest }) => (platforms.has(digest) || indexes.has(digest) ? [] : [digest]))
    : listing.flatMap(({ digest }) => [digest, ...(indexes.get(digest) ?? []).map((child) => child.digest)]);

async function withRest(
  images: ImageLedger,
  read: Images,
  digests: readonly Digest[],
): Promise<readonly ImageRecord[]> {
  const wanted = [...new Set(digests)];
  const rest = await images.get(wanted.filter((digest) => !read.has(digest)));
  return wanted.flatMap((digest) => read.get(digest) ?? rest.get(digest) ?? []);
}

function streamsOf(policy: Policy, listed: Listed, images: Images): StreamRecord[] {
  const pushed = listed.listing.map(({ digest, tags, taggedAt, pushedAtEpochMs }) => {
    const children = listed.indexes.get(digest);
    const platform = listed.platforms?.get(digest) ?? images.get(digest)?.platform;
    return {
      digest,
      tags,
      taggedAt,
      ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
      ...(children && { children }),
      ...(platform && { platform }),
    };
  });
  return findStreams(streamRulesOf(policy, listed.location), listed.location, pushed);
}

const headImages = (streams: readonly StreamRecord[]): ReadonlySet<Digest> =>
  new Set(streams.flatMap(({ head }) => Object.values(head?.images ?? {})));
