import type { RunFiles } from '../../shared/ports/run-files.ts';
import {
  previewCauses,
  previewContents,
  previewEvidence,
  previewFleetPlaces,
  previewImageReads,
  previewImages,
  previewKnownSchedules,
  previewLedgers,
  previewPlaceReads,
  previewPlaces,
  previewReports,
  previewRunning,
  previewRuns,
  previewScopes,
  previewServicesAtZero,
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
  running: previewRunning,
  runs: previewRuns,
  scopes: previewScopes,
  knownSchedules: previewKnownSchedules,
  servicesAtZero: previewServicesAtZero,
  causes: previewCauses,
  evidence: previewEvidence,
  reports: previewReports,
};

/** Every ledger as a preview sees it. */
export const previewOf = (ledgers: Omit<ReviewLedgers, 'parts'>, files: RunFiles, runId: string) =>
  previewLedgers(ledgers, VIEWS, files, runId);
