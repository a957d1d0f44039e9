import { mapConcurrently } from '../concurrency.ts';
import { compareTexts } from '../domain/common/compare-texts.ts';
import { type Digest, type IndexChild, locationKey } from '../domain/image/image.ts';
import { type LocationRecord, widenedLocation } from '../domain/image/image-properties.ts';
import { keyOfScope, type ReviewRecord, type RunPart, type Scope } from '../domain/review/run.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import {
  withChangedJudgement,
  withGuess,
  withJudgement,
  withLineage,
  withProperties,
  withUnreadResult,
} from '../domain/verdict/image-updates.ts';
import type { RunningLedger } from '../ports/admission.ts';
import { ImageNotRecordedError, RunFileMissingError } from '../ports/errors.ts';
import type { EvidenceStore } from '../ports/evidence.ts';
import type {
  Abandonment,
  CauseLedger,
  ContentLedger,
  FleetPlaces,
  ImageLedger,
  PlaceLedger,
  RunLedger,
  RunParts,
  ScopeLedger,
  ScopeRecord,
  StreamLedger,
  UsageLedger,
} from '../ports/ledger.ts';
import type { ReportStore } from '../ports/reports.ts';
import type { RunFiles } from '../ports/run-files.ts';
import type { ServiceAtZeroLedger } from '../ports/services-at-zero.ts';
import type { ScheduleLedger } from '../ports/starts.ts';
import type { StreamImages } from '../ports/stream-images.ts';
import * as v from '../schema.ts';
import { runFileKeys } from './documents.ts';
import { readDocumentIfAny } from './read-document.ts';

type PlaceReads = Pick<PlaceLedger, 'locations' | 'holders' | 'indexes'>;
type StreamReads = Pick<StreamLedger, 'streams' | 'all'>;

/** The ledgers that the steps of a review write; for some, the read interface is enough. */
export interface ReviewLedgers {
  readonly images: ImageLedger;
  readonly imageReads: Pick<ImageLedger, 'get'>;
  readonly places: PlaceLedger;
  readonly placeReads: PlaceReads;
  readonly fleetPlaces: FleetPlaces;
  readonly contents: ContentLedger;
  readonly usages: UsageLedger;
  readonly running: RunningLedger;
  readonly streams: StreamLedger;
  readonly streamReads: StreamReads;
  readonly streamImages: StreamImages;
  readonly runs: RunLedger;
  readonly parts: RunParts;
  readonly scopes: ScopeLedger;
  readonly knownSchedules: ScheduleLedger;
  readonly servicesAtZero: ServiceAtZeroLedger;
  readonly causes: CauseLedger;
  readonly evidence: EvidenceStore;
  readonly reports: Pick<ReportStore, 'put'>;
}

const READS_AT_ONCE = 16;

/** The view of a preview on one ledger. */
export type View<Ledger> = (real: Ledger, store: DocumentStore) => Ledger;
export type Views<Name extends keyof ReviewLedgers> = { readonly [One in Name]: View<ReviewLedgers[One]> };

/**
 * The ledger for a preview: it reads the real ledger, and writes only to the run's own files, where it finds its writes
 * again. So no step needs to know whether it runs in a preview.
 * @param views of the ledgers that are needed; the others stay out of a function's bundle
 */
export function previewLedgers<Name extends keyof ReviewLedgers>(
  ledgers: Pick<ReviewLedgers, Name>,
  views: Views<Name>,
  files: RunFiles,
  runId: string,
): Pick<ReviewLedgers, Name> {
  const store = documentStore(files, runFileKeys(runId).preview);
  const previewed = { ...ledgers };
  for (const name of Object.keys(views) as Name[]) previewed[name] = views[name](ledgers[name], store);
  return previewed;
}

export const previewPlaceReads: View<PlaceReads> = (real, store) => ({
  locations: async (digest) =>
    (await store.get<readonly LocationRecord[]>(`locations/${digest}`)) ?? real.locations(digest),
  ...readsOf(real, ['holders']),
  indexes: async (digests) =>
    new Map([...(await real.indexes(digests)), ...(await store.all<readonly IndexChild[]>('indexes', digests))]),
});

export const previewPlaces: View<PlaceLedger> = (real, store) => {
  const reads = previewPlaceReads(real, store);
  return {
    ...reads,
    ...readsOf(real, ['lastPushed', 'pushesOf']),
    recordPush: nothing,
    recordLocation: async (record) => {
      const known = await reads.locations(record.digest);
      await store.put(`locations/${record.digest}`, withLocation(known, record));
      return new Map();
    },
    recordIndex: (digest, children = []) => store.put(`indexes/${digest}`, children),
    // What the ledger left out stays so here: reading each index again would make a preview as slow as the first review.
    indexStates: async (digests) =>
      new Map(
        [...(await reads.indexes(digests))].map(([digest, children]) => [digest, { children, isOutdated: false }]),
      ),
  };
};

export const previewFleetPlaces: View<FleetPlaces> = (real, store) => ({
  locationsOf: async (images) => {
    const ours = await store.all<readonly LocationRecord[]>(
      'locations',
      images.map(({ digest }) => digest),
    );
    return new Map([...(await real.locationsOf(images)), ...ours]);
  },
});

export const previewContents: View<ContentLedger> = (real) => ({ ...readsOf(real, ['get']), record: async () => [] });

export const previewUsages: View<UsageLedger> = (real) => ({
  ...readsOf(real, ['live', 'left', 'all', 'digests', 'ofImage', 'leftOfImage', 'endedSince']),
  record: nothing,
  end: nothing,
  leave: nothing,
});

export const previewRunning: View<RunningLedger> = (real) => ({ ...readsOf(real, ['presencesIn']), record: nothing });

/** Writes of a preview are not visible here. */
export const previewStreamReads: View<StreamReads> = (real) => real;

export const previewStreams: View<StreamLedger> = (real) => ({
  ...readsOf(real, ['streams', 'all', 'firstSeen']),
  recordStream: async () => true,
  recordFirstSeen: nothing,
});

export const previewStreamImages: View<StreamImages> = (real) => ({ ...readsOf(real, ['of']), record: nothing });

/** All scopes are read once, when the preview opens and before it changes any. */
export const previewScopes: View<ScopeLedger> = (real, store) => {
  const name = (scope: Scope): string => `scopes/${keyOfScope(scope)}`;
  const get = async (scope: Scope): Promise<ScopeRecord | undefined> =>
    (await store.get<ScopeRecord>(name(scope))) ?? real.get(scope);
  return {
    ...readsOf(real, ['all', 'clusters']),
    get,
    forget: nothing,
    record: (record) => store.put(name(record.scope), record),
    change: async (scope, change) => {
      const before = await get(scope);
      const after = change(before);
      if (after) await store.put(name(scope), after);
      return after ?? before;
    },
  };
};

export const previewKnownSchedules: View<ScheduleLedger> = (real) => ({ ...readsOf(real, ['known']), record: nothing });

export const previewServicesAtZero: View<ServiceAtZeroLedger> = (real) => ({
  ...readsOf(real, ['all']),
  change: async (_, change) => change(undefined),
});

export const previewCauses: View<CauseLedger> = (real) => ({
  ...readsOf(real, ['get', 'open']),
  change: async (stream, change) => change((await real.get([stream])).get(stream)),
});

export const previewEvidence: View<EvidenceStore> = (real) => ({
  ...readsOf(real, ['findings']),
  putFindings: nothing,
});

const REPORT = 'report';

/** Both forms in one document, which never becomes the latest report. */
export const previewReports: View<ReviewLedgers['reports']> = (_, store) => ({
  put: (_runId, { json, markdown }) => store.put(REPORT, { report: JSON.parse(json) as unknown, markdown }),
});

const reportDocument = v.object({ report: v.unknown(), markdown: v.string() });

/** The report of a preview; absent if there is none. */
export const previewReport = (files: Pick<RunFiles, 'get'>, runId: string) =>
  readDocumentIfAny(files, nameIn(runFileKeys(runId).preview, REPORT), reportDocument);

/** As in the ledger: new sightings of a place are added to the known ones. */
function withLocation(known: readonly LocationRecord[], record: LocationRecord): LocationRecord[] {
  const key = locationKey(record.location);
  const before = known.find(({ location }) => locationKey(location) === key);
  const others = known.filter(({ location }) => locationKey(location) !== key);
  return [...others, widenedLocation(before, record)].sort((one, other) =>
    compareTexts(locationKey(one.location), locationKey(other.location)),
  );
}

const nothing = async (): Promise<void> => {};

function readsOf<Port extends object, Name extends keyof Port>(port: Port, names: readonly Name[]): Pick<Port, Name> {
  const reads = {} as Pick<Port, Name>;
  for (const name of names) {
    const read = port[name];
    reads[name] = (typeof read === 'function' ? read.bind(port) : read) as Port[Name];
  }
  return reads;
}

type DocumentStore = ReturnType<typeof documentStore>;

const nameIn = (root: string, name: string): string => `${root}/${name}.json`;

function documentStore(files: RunFiles, root: string) {
  const key = (name: string): string => nameIn(root, name);
  const get = async <Document>(name: string): Promise<Document | undefined> => {
    try {
      return (await files.get(key(name))) as Document;
    } catch (error) {
      if (error instanceof RunFileMissingError) return undefined;
      throw error;
    }
  };
  const all = async <Document>(folder: string, digests: readonly Digest[]): Promise<Map<Digest, Document>> => {
    const found = new Map<Digest, Document>();
    await mapConcurrently([...new Set(digests)], READS_AT_ONCE, async (digest) => {
      const document = await get<Document>(`${folder}/${digest}`);
      if (document !== undefined) found.set(digest, document);
    });
    return found;
  };
  async function* below<Document>(folder: string): AsyncIterable<Document> {
    for await (const found of files.list(`${root}/${folder}/`)) yield (await files.get(found)) as Document;
  }
  return { get, all, below, put: (name: string, document: unknown) => files.put(key(name), document) };
}

export const previewImageReads: View<Pick<ImageLedger, 'get'>> = (real, store) => ({
  get: async (digests) => new Map([...(await real.get(digests)), ...(await store.all<ImageRecord>('images', digests))]),
});

export const previewImages: View<ImageLedger> = (real, store) => {
  const { get } = previewImageReads(real, store);
  const change = async (digest: Digest, decide: (before: ImageRecord) => ImageRecord | undefined): Promise<boolean> => {
    const before = (await get([digest])).get(digest);
    if (!before) throw new ImageNotRecordedError(digest);
    const after = decide(before);
    if (after) await store.put(`images/${digest}`, after);
    return after !== undefined;
  };
  return {
    get,
    recordProperties: async (properties, over) => {
      const before = (await get([properties.digest])).get(properties.digest);
      await store.put(`images/${properties.digest}`, withProperties(before, properties, over));
    },
    recordPresence: async (digest, presence) => {
      await change(digest, (before) => ({ ...before, ...presence }));
    },
    recordGuess: async (digest, scope, workload) => {
      await change(digest, (before) => withGuess(before, scope, workload));
    },
    recordLineage: async (digest, lineage) => {
      await change(digest, (before) => withLineage(before, lineage));
    },
    // A preview requests no scans, so a claim never succeeds.
    claimScan: async () => false,
    markUnread: async (digest) => {
      await change(digest, withUnreadResult);
    },
    recordJudgement: (judgement) => change(judgement.digest, (before) => withJudgement(before, judgement)),
    changeJudgement: (digest, decide) => change(digest, (before) => withChangedJudgement(before, decide)),
  };
};

export const previewParts: View<RunParts> = (_, store) => ({
  recordPart: async (_runId, part) => store.put(`parts/${part.kind}/${part.key}`, part),
  parts: async function* (): AsyncIterable<RunPart> {
    yield* store.below<RunPart>('parts');
  },
});

/** A preview takes no lease, so any number may run beside a review. */
export const previewRuns: View<RunLedger> = (real, store) => {
  const record = (review: ReviewRecord): Promise<void> => store.put('run', review);
  return {
    ...previewParts(real, store),
    begin: async (review) => {
      const abandoned = await store.get<Abandonment>('abandoned');
      if (abandoned) return { begun: false, abandoned };
      await record(review);
      return { begun: true };
    },
    abandon: (_runId, abandonment) => store.put('abandoned', abandonment),
    get: async () => store.get<ReviewRecord>('run'),
    latest: async () => ({}),
    latestOfFleet: async () => undefined,
    finish: record,
  };
};
