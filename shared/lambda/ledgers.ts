import { DynamoChains } from '../adapters/dynamodb/images/chains.ts';
import { DynamoContentLedger } from '../adapters/dynamodb/images/content-ledger.ts';
import { DynamoFleetPlaces } from '../adapters/dynamodb/images/fleet-places.ts';
import { DynamoImageLedger, DynamoImages } from '../adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaceLedger, DynamoPlaces } from '../adapters/dynamodb/images/place-ledger.ts';
import { DynamoRunningLedger, DynamoRunningReads } from '../adapters/dynamodb/images/running-ledger.ts';
import { DynamoUsageLedger } from '../adapters/dynamodb/images/usage-ledger.ts';
import { DynamoDenialLedger } from '../adapters/dynamodb/policy/denial-ledger.ts';
import { DynamoSwitchLedger } from '../adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoCascades } from '../adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoGuardLedger } from '../adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoLockLedger } from '../adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuildLedger } from '../adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoRolloutLedger } from '../adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoSlotLedger } from '../adapters/dynamodb/rebuilds/slot-ledger.ts';
import { DynamoBaseReadingLedger } from '../adapters/dynamodb/reviews/base-reading-ledger.ts';
import { DynamoRunLedger, DynamoRunParts } from '../adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScheduleLedger } from '../adapters/dynamodb/reviews/schedule-ledger.ts';
import { DynamoScopeLedger } from '../adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoServiceAtZeroLedger } from '../adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { DynamoStreamImages } from '../adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreamLedger, DynamoStreams } from '../adapters/dynamodb/streams/stream-ledger.ts';
import type { LedgerTable } from '../adapters/dynamodb/table/table.ts';
import type { ReviewMode } from '../domain/review/run.ts';
import type { RunFiles } from '../ports/run-files.ts';
import {
  previewCauses,
  previewContents,
  previewFleetPlaces,
  previewImageReads,
  previewImages,
  previewKnownSchedules,
  previewLedgers,
  previewParts,
  previewPlaceReads,
  previewPlaces,
  previewRunning,
  previewRuns,
  previewScopes,
  previewServicesAtZero,
  previewStreamImages,
  previewStreamReads,
  previewStreams,
  previewUsages,
  type ReviewLedgers,
  type View,
  type Views,
} from '../review/preview.ts';

/** The ledgers that the steps of one run use: a preview's keep to its own files. */
export type LedgersOfRun<Name extends keyof ReviewLedgers> = (run: {
  readonly runId: string;
  readonly mode: ReviewMode;
}) => Pick<ReviewLedgers, Name>;

interface Kind<Name extends keyof ReviewLedgers> {
  readonly real: (table: LedgerTable) => ReviewLedgers[Name];
  readonly preview: View<ReviewLedgers[Name]>;
}
type Kinds<Name extends keyof ReviewLedgers> = { readonly [One in Name]: Kind<One> };

// One each, so that a function's bundle contains only those it names. Read-only.
export const imageReads: Kind<'imageReads'> = {
  real: (table) => new DynamoImages(table),
  preview: previewImageReads,
};
export const placeReads: Kind<'placeReads'> = { real: (table) => new DynamoPlaces(table), preview: previewPlaceReads };
export const streamReads: Kind<'streamReads'> = {
  real: (table) => new DynamoStreams(table),
  preview: previewStreamReads,
};
export const images: Kind<'images'> = { real: (table) => new DynamoImageLedger(table), preview: previewImages };
export const places: Kind<'places'> = { real: (table) => new DynamoPlaceLedger(table), preview: previewPlaces };
export const fleetPlaces: Kind<'fleetPlaces'> = {
  real: (table) => new DynamoFleetPlaces(table),
  preview: previewFleetPlaces,
};
export const contents: Kind<'contents'> = {
  real: (table) => new DynamoContentLedger(table),
  preview: previewContents,
};
export const usages: Kind<'usages'> = { real: (table) => new DynamoUsageLedger(table), preview: previewUsages };
export const running: Kind<'running'> = { real: (table) => new DynamoRunningLedger(table), preview: previewRunning };
export const streams: Kind<'streams'> = { real: (table) => new DynamoStreamLedger(table), preview: previewStreams };
export const streamImages: Kind<'streamImages'> = {
  real: (table) => new DynamoStreamImages(table),
  preview: previewStreamImages,
};
export const runs: Kind<'runs'> = { real: (table) => new DynamoRunLedger(table), preview: previewRuns };
export const parts: Kind<'parts'> = { real: (table) => new DynamoRunParts(table), preview: previewParts };
export const causes: Kind<'causes'> = { real: (table) => new DynamoCauseLedger(table), preview: previewCauses };
export const scopes: Kind<'scopes'> = { real: (table) => new DynamoScopeLedger(table), preview: previewScopes };
export const knownSchedules: Kind<'knownSchedules'> = {
  real: (table) => new DynamoScheduleLedger(table),
  preview: previewKnownSchedules,
};
export const servicesAtZero: Kind<'servicesAtZero'> = {
  real: (table) => new DynamoServiceAtZeroLedger(table),
  preview: previewServicesAtZero,
};

/** The ledgers that a step of a review may write; the first and last step also need the run record. */
export const stepLedgers = { images, places, contents, usages, running, streams, streamImages, parts, scopes } as const;

/** What a report tells of. */
export const reportLedgers = { contents, imageReads, runs, usages, causes } as const;

/** @param kinds the ledgers of this file that a function uses */
export function ledgersOfRun<Name extends keyof ReviewLedgers>(
  table: LedgerTable,
  files: RunFiles,
  kinds: Kinds<Name>,
): LedgersOfRun<Name> {
  const each = <Part>(part: (name: Name) => Part) =>
    Object.fromEntries((Object.keys(kinds) as Name[]).map((name) => [name, part(name)])) as unknown;
  const ledgers = each((name) => kinds[name].real(table)) as Pick<ReviewLedgers, Name>;
  const views = each((name) => kinds[name].preview) as Views<Name>;
  return ({ runId, mode }) => (mode === 'preview' ? previewLedgers(ledgers, views, files, runId) : ledgers);
}

/** What a cascade is made of and holds, and what may stop it, for those functions that plan or end one. */
export const actingLedgers = (table: LedgerTable) => ({
  cascades: new DynamoCascades(table),
  causes: new DynamoCauseLedger(table),
  guards: new DynamoGuardLedger(table),
  locks: new DynamoLockLedger(table),
  rebuilds: new DynamoRebuildLedger(table),
  rollouts: new DynamoRolloutLedger(table),
  slots: new DynamoSlotLedger(table),
  killSwitch: new DynamoSwitchLedger(table),
});

/** What is known of images, for those functions that read a registry outside of a review. */
export const imageLedgers = (table: LedgerTable) => ({
  images: new DynamoImageLedger(table),
  places: new DynamoPlaceLedger(table),
  contents: new DynamoContentLedger(table),
  streams: new DynamoStreamLedger(table),
  streamImages: new DynamoStreamImages(table),
});

/** What doors decide by, and what they will refuse, for the function that announces it. */
export const denialLedgers = (table: LedgerTable) => ({
  places: new DynamoPlaces(table),
  running: new DynamoRunningReads(table),
  scopes: new DynamoScopeLedger(table),
  denials: new DynamoDenialLedger(table),
});

/** What a look at lineage reads and writes, in a review and between two of them. */
export const fleetLedgers = (table: LedgerTable) => ({
  baseReadings: new DynamoBaseReadingLedger(table),
  cascades: new DynamoCascades(table),
  causes: new DynamoCauseLedger(table),
  chains: new DynamoChains(table),
});
