import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import type { OutputReported } from '../../shared/events/rebuild-reported.ts';
import type { RebuildLedger } from '../../shared/ports/rebuilds.ts';
import type { OpenRebuilds } from '../../shared/rebuilding/open-rebuilds.ts';

/** `foreign`: the sender may not report for this rebuild. `not-open`: the rebuild has ended. */
export type ReportResult = 'recorded' | 'not-open' | 'foreign';

/** Caps the reports, so that a pipeline that never stops reporting fills no item. The latest ones are kept. */
const MOST_REPORTS = 50;

/**
 * Records what a pipeline reports as pushed while its rebuild is open. Only the account of the pipeline or of the
 * stream's registry may report. Each distinct report is kept once; verification checks which is true.
 */
export async function recordReport(
  { rebuilds }: { readonly rebuilds: Pick<RebuildLedger, 'record'> },
  { rebuildId, digest, account }: OutputReported,
  openRebuilds: OpenRebuilds,
): Promise<ReportResult> {
  const rebuild = (await openRebuilds()).find((one) => one.rebuildId === rebuildId);
  if (!rebuild) return 'not-open';
  if (!mayReport(rebuild, account)) return 'foreign';
  await rebuilds.record(rebuild.stream, rebuildId, (before) =>
    before && before.endedAtEpochMs === undefined ? withReport(before, digest) : undefined,
  );
  return 'recorded';
}

function withReport(rebuild: Rebuild, digest: Digest): Rebuild | undefined {
  const { reported = [] } = rebuild;
  if (reported.includes(digest)) return undefined;
  return { ...rebuild, ...forEarlierVersion(rebuild, digest), reported: [...reported, digest].slice(-MOST_REPORTS) };
}

/**
 * A cascade from before an upgrade is verified by older functions, which read the first report as the output. Current
 * functions accept no report as proof.
 */
const forEarlierVersion = ({ approvalMs, output }: Rebuild, digest: Digest): Pick<Rebuild, 'output'> =>
  approvalMs === undefined && output === undefined ? { output: digest } : {};

const mayReport = ({ pipeline, stream }: Rebuild, account: string): boolean =>
  account === pipeline.account || account === parseStreamId(stream).location.account;
