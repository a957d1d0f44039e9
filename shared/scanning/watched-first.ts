import type { ImageLocation } from '../domain/image/image.ts';
import type { Scanner } from '../ports/scanner.ts';

/**
 * The locations of an image in the order in which scanners are asked, stable otherwise: registries that Amazon Inspector
 * watches come first, because it also knows language packages, and keeps its result up to date. A copy in a registry with
 * basic scanning hides none of its findings.
 */
export async function watchedFirst(
  scanner: Pick<Scanner, 'scanning'>,
  locations: readonly ImageLocation[],
): Promise<readonly ImageLocation[]> {
  if (locations.length < 2) return locations;
  const ways = await Promise.all(
    // The read or the request itself reports a registry that fails.
    locations.map((location) => scanner.scanning(location).catch(() => undefined)),
  );
  const isWatched = (index: number): boolean => ways[index] === 'continuous';
  return [...locations.filter((_, index) => isWatched(index)), ...locations.filter((_, index) => !isWatched(index))];
}
