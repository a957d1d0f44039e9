import { mapConcurrently } from '../concurrency.ts';
import type { Digest, ImageLocation } from '../domain/image/image.ts';
import { isAfterLastPush, meaningAt, type TagHistory } from '../domain/image/tag-history.ts';
import type { Pull } from '../domain/image/usage.ts';
import { RegistryUnreachableError } from '../ports/errors.ts';
import type { PlaceLedger } from '../ports/ledger.ts';
import type { ImageRegistry } from '../ports/registry.ts';

const TAGS_AT_ONCE = 4;

/** By tag. */
export type ResolvedTags = Readonly<Record<string, ResolvedTag>>;

interface ResolvedTag extends TagHistory {
  /** The digests of the tag for the tasks that run by it, each once. */
  readonly meant: readonly Digest[];
}

type TagPorts = { readonly registry: ImageRegistry; readonly places: PlaceLedger };

/**
 * Resolves tags for the tasks that run by them. The current digest of a tag is read, unless each pull came before a
 * later push, because the event of a push may be lost. Unknown tags are left out.
 * @param tags with the pulls by each
 * @param isListed the repository was listed just now, so our own records have its current tags
 * @throws RegistryUnreachableError if a tag has no history and cannot be read
 */
export async function resolveTags(
  ports: TagPorts,
  location: ImageLocation,
  tags: Readonly<Record<string, readonly Pull[]>>,
  isListed: boolean,
): Promise<ResolvedTags> {
  const resolved = await mapConcurrently(Object.entries(tags), TAGS_AT_ONCE, async ([tag, pulls]) => {
    const pushes = await ports.places.pushesOf(location, tag);
    const isInHistory = pulls.every(
      (pull) => !isAfterLastPush({ pushes }, pull) && meaningAt({ pushes }, pull)?.source === 'push-history',
    );
    const history: TagHistory = {
      pushes,
      ...(!isInHistory && (await meaningNow(ports, location, tag, { pushes, isListed }))),
    };
    const meant = pulls.flatMap((pull) => meaningAt(history, pull)?.digest ?? []);
    return [tag, { ...history, meant: [...new Set(meant)] }] as const;
  });
  return Object.fromEntries(resolved.filter(([, { meant }]) => meant.length > 0));
}

interface Asked extends Pick<TagHistory, 'pushes'> {
  readonly isListed: boolean;
}

/** For a tag that the registry no longer has, the last digest in our records is the guess. */
async function meaningNow(
  { registry, places }: TagPorts,
  location: ImageLocation,
  tag: string,
  { pushes, isListed }: Asked,
): Promise<Pick<TagHistory, 'now' | 'isUnchecked'>> {
  const recorded = await places.lastPushed(location, tag);
  if (isListed && recorded !== undefined) return { now: recorded };
  try {
    const now = (await registry.resolveTag(location, tag)) ?? recorded;
    return now === undefined ? {} : { now };
  } catch (error) {
    // The digest for its tasks is then a guess, as before.
    if (!(error instanceof RegistryUnreachableError) || pushes.length === 0) throw error;
    return { isUnchecked: true };
  }
}
