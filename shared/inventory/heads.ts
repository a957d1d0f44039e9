import { mapConcurrently } from '../concurrency.ts';
import { findStreams } from '../domain/heads.ts';
import type { Digest, ImageLocation, IndexChild, Platform } from '../domain/image.ts';
import type { Policy } from '../domain/policy.ts';
import type { StreamRecord } from '../domain/records.ts';
import { sameContent } from '../domain/same-content.ts';
import { streamRulesOf } from '../domain/stream.ts';
import { LedgerContendedError } from '../ports/errors.ts';
import type { ImageLedger, StreamLedger } from '../ports/ledger.ts';
import type { RegistryImage } from '../ports/registry.ts';

const WRITES_AT_ONCE = 16;

interface Listed {
  readonly location: ImageLocation;
  readonly listing: readonly RegistryImage[];
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
}

/**
 * Writes the head of every release line of a repository, and which images are heads no longer.
 * @throws LedgerContendedError where another reading moved a head meanwhile: what was listed may be older than that
 */
export async function recordHeads(
  { images, streams }: { readonly images: ImageLedger; readonly streams: StreamLedger },
  policy: Policy,
  listed: Listed,
): Promise<void> {
  const platforms = await platformsOf(images, listed.listing);
  const now = streamsOf(policy, listed, platforms);
  const before = await streams.streams(now.map(({ stream }) => stream));
  const were = headImages([...before.values()]);
  const are = headImages(now);
  const known = await images.get([...new Set([...were, ...are])]);
  const changed = [...known.values()].filter(({ digest, isHead }) => isHead !== are.has(digest));
  await mapConcurrently(changed, WRITES_AT_ONCE, ({ digest }) =>
    images.recordPresence(digest, { isHead: are.has(digest) }),
  );
  // Last: where this is cut off, the next reading still finds the heads of before and takes their mark away.
  const moved = now.filter((stream) => !sameContent(stream, before.get(stream.stream)));
  const written = await mapConcurrently(moved, WRITES_AT_ONCE, async (stream) =>
    streams.recordStream(stream, before.get(stream.stream)),
  );
  const lost = moved.find((_, index) => !written[index]);
  if (!lost) return;
  // Of two that marked heads only one has written them: the marks go by what stands.
  const stand = headImages([...(await streams.streams(now.map(({ stream }) => stream))).values()]);
  await mapConcurrently(changed, WRITES_AT_ONCE, ({ digest }) =>
    images.recordPresence(digest, { isHead: stand.has(digest) }),
  );
  throw new LedgerContendedError(`STREAM#${lost.stream}`, 1);
}

async function platformsOf(
  images: ImageLedger,
  listing: readonly RegistryImage[],
): Promise<ReadonlyMap<Digest, Platform>> {
  const records = await images.get(listing.map(({ digest }) => digest));
  return new Map([...records].flatMap(([digest, { platform }]) => (platform ? [[digest, platform] as const] : [])));
}

function streamsOf(policy: Policy, listed: Listed, platforms: ReadonlyMap<Digest, Platform>): StreamRecord[] {
  const pushed = listed.listing.map(({ digest, tags, pushedAtEpochMs }) => {
    const [children, platform] = [listed.indexes.get(digest), platforms.get(digest)];
    return {
      digest,
      tags,
      ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
      ...(children && { children }),
      ...(platform && { platform }),
    };
  });
  return findStreams(streamRulesOf(policy, listed.location), listed.location, pushed);
}

const headImages = (streams: readonly StreamRecord[]): ReadonlySet<Digest> =>
  new Set(streams.flatMap(({ head }) => Object.values(head?.images ?? {})));
