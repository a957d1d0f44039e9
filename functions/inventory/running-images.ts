import type { Digest } from '../../shared/domain/image/image.ts';
import type { Usage } from '../../shared/domain/image/usage.ts';
import { type DoorPlace, doorPlaceOf } from '../../shared/domain/policy/doors.ts';
import type { UsageChanges } from '../../shared/domain/review/resolve-references.ts';
import type { ImagePresence } from '../../shared/ports/admission.ts';

/**
 * The images that began to run, and those that no longer run, by namespace or ECS cluster.
 * @param seen all usages of these images in the scope
 * @param isMarked an earlier reading of the scope marked what ran; without it every image is marked
 */
export function runningChanges(
  seen: Iterable<Usage>,
  { begun, end }: Pick<UsageChanges, 'begun' | 'end'>,
  isMarked: boolean,
): { readonly begin: readonly ImagePresence[]; readonly end: readonly ImagePresence[] } {
  const runs = imagesIn(seen);
  const begin = isMarked ? imagesIn(begun) : runs;
  return {
    begin: [...begin.values()],
    end: [...imagesIn(end)].flatMap(([key, image]) => (runs.has(key) ? [] : [image])),
  };
}

/** The images of usages by where they run, each once; a possible usage runs nothing. */
export function imagesIn(usages: Iterable<Usage>): ReadonlyMap<string, ImagePresence> {
  const images = new Map<string, ImagePresence>();
  for (const usage of usages) {
    if (usage.isPossible) continue;
    const place = doorPlaceOf(usage);
    images.set(keyOf(usage.digest, place), { digest: usage.digest, place });
  }
  return images;
}

const keyOf = (digest: Digest, { account, region, cluster, namespace = '' }: DoorPlace): string =>
  [account, region, cluster, namespace, digest].join(' ');
