import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import { visibleJson } from '../../shared/domain/common/visible-text.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Report } from '../../shared/domain/report/report.ts';
import { startReport } from '../../shared/domain/report/report-build.ts';
import { reportMarkdown } from '../../shared/domain/report/report-markdown.ts';
import { VendorWaits } from '../../shared/domain/report/vendor-dependency.ts';
import { useOfBatch, WHOLE_FLEET } from '../../shared/domain/review/run.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { readLayerWitness, type WitnessPorts } from '../../shared/judging/layer-witness.ts';
import { type VendorPorts, waitedFor } from '../../shared/judging/vendor-waits.ts';
import type { UsageLedger } from '../../shared/ports/ledger.ts';
import type { ReportStore } from '../../shared/ports/reports.ts';
import { batchesDocument, runFileKeys } from '../../shared/review/documents.ts';
import { readDocument } from '../../shared/review/read-document.ts';
import { type ContextPorts, reportContextOf } from './context.ts';
import type { ReportInput } from './input.ts';
import { type DenialPorts, recordDenials } from './record-denials.ts';

const IMAGES_A_READ = 500;
const USAGES_AT_ONCE = 16;
/** Names some workloads of an image; a base may have thousands. */
const MOST_WORKLOADS = 20;

export interface ReportPorts extends ContextPorts, VendorPorts, WitnessPorts, DenialPorts {
  readonly streams: ContextPorts['streams'] & VendorPorts['streams'];
  readonly policies: ContextPorts['policies'] & DenialPorts['policies'];
  readonly usages: Pick<UsageLedger, 'ofImage' | 'live'>;
  readonly reports: Pick<ReportStore, 'put'>;
}

/**
 * Writes the report of a review over the images it found, part by part: only report lines stay in memory. It is also
 * written, and says so, if parts of the review failed.
 */
export async function writeReport(ports: ReportPorts, { runId }: ReportInput): Promise<Report> {
  const context = await reportContextOf(ports, runId);
  const denials = await recordDenials(ports, context);
  const builder = startReport({ ...context, ...(denials && { denials }) });
  const waits = new VendorWaits(context.causes);
  const batches = await readDocument(ports.files, runFileKeys(runId).batches, batchesDocument);
  const found = batches.flatMap(({ batch, digests }) => digests.map((digest) => ({ digest, use: useOfBatch(batch) })));
  for (const piece of piecesOf(found, IMAGES_A_READ)) {
    const known = await ports.images.get(piece.map(({ digest }) => digest));
    await mapConcurrently(piece, USAGES_AT_ONCE, async ({ digest, use }) => {
      const record = asOfRun(known.get(digest) ?? factless(digest), context.review.startedAtEpochMs);
      const isOpen = record.verdict !== undefined && record.verdict.status !== 'compliant';
      const [isAncestor, isPossible] = [use === 'ancestor', use === 'possible'];
      const workloads = isOpen && !isAncestor ? await workloadsOf(ports.usages, digest) : [];
      const layerDisagreements = await readLayerWitness(ports, record);
      builder.add({ record, isAncestor, isPossible, workloads, layerDisagreements });
      waits.add(record);
    });
  }
  const report = builder.finish(await waitedFor(ports, waits));
  const ofFleet = report.review.scopeKey === WHOLE_FLEET;
  await ports.reports.put(runId, { json: visibleJson(report), markdown: reportMarkdown(report), ofFleet });
  return report;
}

/** A verdict of an earlier run does not count: judging failed in this one. */
function asOfRun({ verdict, ...record }: ImageRecord, startedAtEpochMs: number): ImageRecord {
  const isOfRun = verdict && (record.judgedAtEpochMs ?? 0) >= startedAtEpochMs;
  return isOfRun ? { ...record, verdict } : record;
}

/** Found, but its facts could not be recorded; the failures of the review say why. */
const factless = (digest: Digest): ImageRecord => ({
  digest,
  tier: 'unmanaged',
  birth: { known: false, rejected: [] },
  locations: [],
  inUse: true,
  isHead: false,
  scan: { state: 'off', reason: 'never-scanned', coverage: [] },
});

async function workloadsOf(usages: Pick<UsageLedger, 'ofImage'>, digest: Digest): Promise<readonly string[]> {
  const all = await usages.ofImage(digest);
  const names = all.map(
    ({ account, region, cluster, workload, container, isPossible }) =>
      `${account}/${region} ${cluster} ${workload}/${container}${isPossible ? ' (may start)' : ''}`,
  );
  const sorted = [...new Set(names)].sort();
  const more = sorted.length - MOST_WORKLOADS;
  return more > 0 ? [...sorted.slice(0, MOST_WORKLOADS), `and ${more} more`] : sorted;
}
