import {
  contents,
  fleetPlaces,
  images,
  parts,
  placeReads,
  scopes,
  streamImages,
  streamReads,
  usages,
} from '../../shared/lambda/ledgers.ts';

/** Ledgers that the lineage step of a review reads and writes. */
export const reviewLedgers = {
  contents,
  fleetPlaces,
  images,
  parts,
  placeReads,
  scopes,
  streamImages,
  streamReads,
  usages,
} as const;
