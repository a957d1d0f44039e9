import {
  contents,
  fleetPlaces,
  images,
  parts,
  placeReads,
  streamImages,
  streamReads,
  usages,
} from '../../shared/lambda/ledgers.ts';

/** What a review's look at the fleet reads and writes. */
export const reviewLedgers = {
  contents,
  fleetPlaces,
  images,
  parts,
  placeReads,
  streamImages,
  streamReads,
  usages,
} as const;
