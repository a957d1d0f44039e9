import type { RunFiles } from '../../shared/ports/run-files.ts';
import {
  previewContents,
  previewFleetPlaces,
  previewImageReads,
  previewImages,
  previewLedgers,
  previewPlaceReads,
  previewPlaces,
  previewRuns,
  previewScopes,
  previewStreamImages,
  previewStreamReads,
  previewStreams,
  previewUsages,
  type ReviewLedgers,
} from '../../shared/review/preview.ts';

const VIEWS = {
  images: previewImages,
  imageReads: previewImageReads,
  places: previewPlaces,
  placeReads: previewPlaceReads,
  fleetPlaces: previewFleetPlaces,
  contents: previewContents,
  usages: previewUsages,
  streams: previewStreams,
  streamReads: previewStreamReads,
  streamImages: previewStreamImages,
  runs: previewRuns,
  scopes: previewScopes,
};

/** Every ledger as a preview sees it. */
export const previewOf = (ledgers: Omit<ReviewLedgers, 'parts'>, files: RunFiles, runId: string) =>
  previewLedgers(ledgers, VIEWS, files, runId);
