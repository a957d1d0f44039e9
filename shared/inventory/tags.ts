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
  /** What it meant to the tasks that run by it, each digest once. */
  readonly meant: readonly Digest[];
}

type TagPorts = { readonly registry: ImageRegistry; readonly places: PlaceLedger };

/**
 * What tags meant to the tasks that run by them. What a tag means now is asked, unless each pull came before a later push:
 * the event of a push may have been lost. A tag of which nothing is known is left out.
 * @param tags with the pulls by each
 * @param isListed the repository was listed just now, so that our own records say what its tags mean
 * @throws RegistryUnreachableError where a tag has no history and cannot be asked
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

/** Of a tag that the registry no longer has, what our own records knew last is the guess. */
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
    // What tasks run by it is a guess then, and no less known than before.
    if (!(error instanceof RegistryUnreachableError) || pushes.length === 0) throw error;
    return { isUnchecked: true };
  }
}
