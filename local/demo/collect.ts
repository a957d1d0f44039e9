import type { CliContext } from '../../cli/command.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Usage } from '../../shared/domain/image/usage.ts';
import type { JudgedImages, ReviewRecord, ScopeResult } from '../../shared/domain/review/run.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { CallCount } from '../cloud/admin-types.ts';
import type { DemoResult } from './result.ts';

type Ledger = Pick<CliContext, 'images' | 'scopes' | 'usages' | 'runs'>;
type FromLedger = Pick<
  DemoResult,
  'runId' | 'policyVersion' | 'found' | 'outcomes' | 'ancestors' | 'scopes' | 'unresolved' | 'images' | 'nextBreaches'
>;

/** Reads the results of a review from the ledger. The demo prints only these. */
export async function collect(ledger: Ledger, review: ReviewRecord): Promise<FromLedger> {
  const parts = await Array.fromAsync(ledger.runs.parts(review.runId));
  const usages = await liveUsages(ledger);
  const images = await ledger.images.get([...usages.keys()]);
  const failed = new Set(
    parts.flatMap((part) => (part.kind === 'verdict' ? part.failures : [])).map(({ digest }) => digest),
  );
  const rows = [...usages].map(([digest, uses]) => imageRow(images.get(digest), digest, uses, failed.has(digest)));
  return {
    runId: review.runId,
    policyVersion: review.policyVersion,
    found: review.totals?.found ?? 0,
    outcomes: { ...(review.totals?.outcomes ?? NO_OUTCOMES) },
    ancestors: judged(review.totals?.ancestors),
    scopes: parts.flatMap((part) => (part.kind === 'scope' ? [scopeRow(part.result)] : [])),
    unresolved: review.totals?.inventory.unresolved ?? 0,
    images: rows.sort((one, other) => one.digest.localeCompare(other.digest)),
    nextBreaches: rows
      .flatMap(({ digest }) => {
        const atEpochMs = images.get(digest as Digest)?.verdict?.nextBreachAtEpochMs;
        return atEpochMs === undefined ? [] : [{ digest, atEpochMs }];
      })
      .sort((one, other) => one.atEpochMs - other.atEpochMs),
  };
}

const NO_OUTCOMES = { compliant: 0, violating: 0, unknown: 0, failed: 0 };

const judged = ({ found, outcomes }: JudgedImages = { found: 0, outcomes: NO_OUTCOMES }): DemoResult['ancestors'] => ({
  found,
  outcomes: { ...outcomes },
});

/** What runs; what a template may start is not shown. */
async function liveUsages({ scopes, usages }: Pick<CliContext, 'scopes' | 'usages'>): Promise<Map<Digest, Usage[]>> {
  const found = new Map<Digest, Usage[]>();
  for await (const { scope } of scopes.all()) {
    for await (const usage of usages.live(scope))
      if (!usage.isPossible) found.set(usage.digest, [...(found.get(usage.digest) ?? []), usage]);
  }
  return found;
}

function imageRow(
  image: ImageRecord | undefined,
  digest: Digest,
  usages: readonly Usage[],
  failed: boolean,
): DemoResult['images'][number] {
  return {
    digest,
    outcome: failed ? 'failed' : (image?.verdict?.status ?? 'unknown'),
    tier: image?.tier ?? 'unmanaged',
    ...(image?.stream !== undefined && { stream: image.stream }),
    ...(image?.owner !== undefined && { owner: image.owner }),
    locations: (image?.locations ?? []).map(({ account, region, repository }) => ({ account, region, repository })),
    ...(image?.birth.known && { bornAtEpochMs: image.birth.bornAtEpochMs }),
    ...(image?.lineage?.parent && { parentDigest: image.lineage.parent.digest }),
    scan: { state: image?.scan.state ?? 'off', ...(image?.scan.reason && { reason: image.scan.reason }) },
    ...(image?.findingsCount !== undefined && { findings: image.findingsCount }),
    reasons: (image?.verdict?.reasons ?? []).map((reason) => ({ ...reason })),
    usages: usages.map(({ account, region, cluster, workloadKind, workload, container, count, ...usage }) => ({
      ...{ account, region, cluster, workloadKind, workload, container, count },
      ...(usage.reference !== undefined && { reference: usage.reference }),
      digestSource: usage.digestSource,
    })),
  };
}

function scopeRow(result: ScopeResult): DemoResult['scopes'][number] {
  const { account, region, eksCluster } = result.scope;
  const detail = result.status === 'failed' ? result.detail : result.status === 'skipped' ? result.reason : undefined;
  return {
    ...{ account, region, status: result.status },
    ...(eksCluster !== undefined && { eksCluster }),
    ...(detail !== undefined && { detail }),
  };
}

/** Calls of Patchwave's roles, by operation; calls of the seeding and of the demo itself do not count. */
export function callRows(calls: readonly CallCount[]): DemoResult['calls'] {
  const sums = new Map<string, { service: string; operation: string; count: number }>();
  for (const { service, operation, principal, count } of calls) {
    if (principal === 'root' || principal === 'user' || principal === 'anonymous') continue;
    const key = `${service}:${operation}`;
    sums.set(key, { service, operation, count: (sums.get(key)?.count ?? 0) + count });
  }
  return [...sums.values()].sort((one, other) =>
    `${one.service}:${one.operation}`.localeCompare(`${other.service}:${other.operation}`),
  );
}
