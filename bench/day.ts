import { placeKey } from '../local/fleet/places.ts';
import type { Fleet, FleetImage } from '../local/fleet/schema.ts';

/** The known images and the times of their scans before a review began. */
export interface Day {
  readonly name: 'first' | 'steady';
  /** Whether an earlier review read the manifests of an image. */
  readonly knows: (image: FleetImage) => boolean;
  /** Undefined: never. A registry scans an image again after one day. */
  readonly scannedDaysAgo: (image: FleetImage) => number | undefined;
}

/** The ledger is empty; the fleet file gives the age of scans. */
export function firstDay(fleet: Fleet): Day {
  const scanned = new Set(fleet.repositories.filter(({ scanOnPush }) => scanOnPush).map(repositoryKey));
  return {
    name: 'first',
    knows: () => false,
    scannedDaysAgo: (image) =>
      image.lastScannedDaysAgo ?? (scanned.has(placeKey(image)) ? image.pushedDaysAgo : undefined),
  };
}

/** A day after a review of the same fleet: nothing is new and every scan is due. Missing images are requested again. */
export const steadyDay = (): Day => ({ name: 'steady', knows: ({ deleted }) => !deleted, scannedDaysAgo: () => 1 });

const repositoryKey = ({ account, region, name }: Fleet['repositories'][number]): string =>
  placeKey({ account, region, repository: name });
