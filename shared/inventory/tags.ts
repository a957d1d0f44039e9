import { mapConcurrently } from '../concurrency.ts';
import type { ImageLocation } from '../domain/image.ts';
import type { PlaceLedger } from '../ports/ledger.ts';
import type { ImageRegistry } from '../ports/registry.ts';
import type { TagsDocument } from '../review/documents.ts';

const TAGS_AT_ONCE = 4;

/**
 * What tags meant: by our own push history where there is one, else what each means now, which is a guess: a task
 * that started earlier may run something else. A tag that is gone is left out.
 */
export async function resolveTags(
  { registry, places }: { readonly registry: ImageRegistry; readonly places: PlaceLedger },
  location: ImageLocation,
  tags: readonly string[],
): Promise<TagsDocument[string]> {
  const meanings = await mapConcurrently(tags, TAGS_AT_ONCE, async (tag) => {
    const pushed = await places.lastPushed(location, tag);
    if (pushed) return [tag, { digest: pushed, source: 'push-history' as const }] as const;
    const now = await registry.resolveTag(location, tag);
    return now && ([tag, { digest: now, source: 'tag-guess' as const }] as const);
  });
  return Object.fromEntries(meanings.filter((meaning) => meaning !== undefined));
}
