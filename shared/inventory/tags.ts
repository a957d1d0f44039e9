import { mapConcurrently } from '../concurrency.ts';
import type { Digest, ImageLocation } from '../domain/image.ts';
import { meaningAt, type TagHistory } from '../domain/tag-history.ts';
import type { Pull } from '../domain/usage.ts';
import type { PlaceLedger } from '../ports/ledger.ts';
import type { ImageRegistry } from '../ports/registry.ts';

const TAGS_AT_ONCE = 4;

/** By tag. */
export type ResolvedTags = Readonly<Record<string, ResolvedTag>>;

interface ResolvedTag extends TagHistory {
  /** What it meant to the tasks that run by it, each digest once. */
  readonly meant: readonly Digest[];
}

/**
 * What tags meant to the tasks that run by them. The registry is asked what a tag means now only where its history does
 * not reach one of the pulls and no push of it is known. A tag of which nothing is known is left out.
 * @param tags with the pulls by each
 */
export async function resolveTags(
  ports: { readonly registry: ImageRegistry; readonly places: PlaceLedger },
  location: ImageLocation,
  tags: Readonly<Record<string, readonly Pull[]>>,
): Promise<ResolvedTags> {
  const resolved = await mapConcurrently(Object.entries(tags), TAGS_AT_ONCE, async ([tag, pulls]) => {
    const known = { pushes: await ports.places.pushesOf(location, tag) };
    const isTold = pulls.every((pull) => meaningAt(known, pull)?.source === 'push-history');
    const now = isTold ? undefined : await meaningNow(ports, location, tag);
    const history: TagHistory = { ...known, ...(now !== undefined && { now }) };
    const meant = pulls.flatMap((pull) => meaningAt(history, pull)?.digest ?? []);
    return [tag, { ...history, meant: [...new Set(meant)] }] as const;
  });
  return Object.fromEntries(resolved.filter(([, { meant }]) => meant.length > 0));
}

/** By our own records first: a repository that was listed just now costs no further question. */
const meaningNow = async (
  { registry, places }: { readonly registry: ImageRegistry; readonly places: PlaceLedger },
  location: ImageLocation,
  tag: string,
): Promise<Digest | undefined> =>
  (await places.lastPushed(location, tag)) ?? (await registry.resolveTag(location, tag));
