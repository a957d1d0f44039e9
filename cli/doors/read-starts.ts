import { isRefusal } from '../../shared/adapters/refusal.ts';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { type PossibleStart, startsOfUsage } from '../../shared/domain/admission/possible-start.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { type Registry, registryKey } from '../../shared/domain/image/image.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import {
  clusterKey,
  hasClusterScope,
  isTemplated,
  type WorkloadKind,
} from '../../shared/domain/image/workload-kind.ts';
import { type DoorArea, type DoorPlace, doorPlaceOf } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { keyOfScope } from '../../shared/domain/review/run.ts';
import { ClusterUnreachableError } from '../../shared/ports/cluster-errors.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';
import type { TemplateSource } from '../../shared/ports/templates.ts';
import type { CliContext } from '../command.ts';

/** What may start somewhere is not known. It never counts as allowed. */
export interface UnknownStarts {
  /** `<account>/<region>`, and behind it the cluster. */
  readonly place: string;
  readonly problem: string;
  readonly next: string;
}

export interface StartsRead {
  readonly starts: readonly PossibleStart[];
  readonly unknown: readonly UnknownStarts[];
  /** Containers that AWS adds to tasks: they name no image, so no door judges them. */
  readonly unnamed: number;
  /** The clusters that were found, by `clusterKey`. */
  readonly clusters: ReadonlySet<string>;
}

/** What of the fleet is to be checked. */
export interface Wanted {
  /** Whether a door of an account and Region, or of a cluster in it, is asked. */
  readonly area: (area: DoorArea) => boolean;
  readonly cluster: (cluster: Cluster) => boolean;
  /** Of workloads without a known image; absent: every place of a wanted cluster. */
  readonly place?: (place: DoorPlace) => boolean;
  /** The scopes that the policy names. */
  readonly scopes: Policy['scopes'];
}

/** What runs, as the ledger knows it. A scope that no review has read completely is unknown. */
export async function readRunningStarts(
  { scopes, usages }: Pick<CliContext, 'scopes' | 'usages'>,
  wanted: Wanted,
): Promise<StartsRead & { readonly scopes: readonly ScopeRecord[] }> {
  const read: PossibleStart[] = [];
  const unknown: UnknownStarts[] = [];
  const clusters = new Set<string>();
  let unnamed = 0;
  const known = (await Array.fromAsync(scopes.all())).filter(({ left }) => !left || left.isBack);
  const records = known.filter((record) => isWantedScope(record, wanted));
  unknown.push(...neverRead(known, wanted));
  for (const record of records) {
    const { scope } = record;
    unknown.push(...unknownOf(record));
    for await (const usage of usages.all(scope, 'live')) {
      if ('unreadable' in usage) {
        const problem = `the record of what runs ${usage.digest} is unreadable: ${usage.unreadable}`;
        unknown.push({ place: keyOfScope(scope), problem, next: 'The next review writes it again: patchwave review' });
        continue;
      }
      if (!wanted.cluster(usage)) continue;
      clusters.add(clusterKey(usage));
      const starts = startsOfUsage(usage);
      if (starts.length === 0) unnamed += 1;
      read.push(...starts);
    }
  }
  return { starts: read, unknown, unnamed, clusters, scopes: records };
}

function isWantedScope({ scope }: ScopeRecord, { area, cluster: isWanted }: Wanted): boolean {
  const { account, region, eksCluster } = scope;
  if (eksCluster === undefined || eksCluster === '*') return area({ account, region });
  const cluster = { account, region, cluster: eksCluster };
  return isWanted(cluster) && area(cluster);
}

/** Scopes of the policy that no review has begun to read; of an organization that has none yet, all. */
function neverRead(known: readonly ScopeRecord[], { scopes, area }: Wanted): readonly UnknownStarts[] {
  const [problem, next] = ['no review has read what runs there', 'patchwave review'];
  if (scopes === 'organization') return known.length === 0 && area({}) ? [{ place: EVERYWHERE, problem, next }] : [];
  const read = new Set(known.map(({ scope }) => registryKey(scope)));
  return scopes
    .flatMap(({ account, regions }) => regions.map((region) => ({ account, region })))
    .filter((place) => !read.has(registryKey(place)) && area(place))
    .map((place) => ({ place: registryKey(place), problem, next }));
}

/** The place of what is not known of a whole organization. */
export const EVERYWHERE = '*';

function unknownOf({ scope, failure, left, completeAtEpochMs, isUnreadable }: ScopeRecord): readonly UnknownStarts[] {
  const place = keyOfScope(scope);
  const next = 'Fix what the message names, then start a review: patchwave review';
  if (isUnreadable) return [{ place, problem: 'its record in the ledger is unreadable', next: 'patchwave status' }];
  if (failure) {
    const last = completeAtEpochMs === undefined ? 'never' : `last at ${instant(completeAtEpochMs)}`;
    return [{ place, problem: `reviews cannot read what runs (${last} complete): ${failure.detail}`, next }];
  }
  if (left) return [{ place, problem: 'it is back, and no review has read it since', next: 'patchwave review' }];
  return completeAtEpochMs === undefined
    ? [{ place, problem: 'no review has read what runs there', next: 'patchwave review' }]
    : [];
}

const CLUSTERS_AT_ONCE = 4;

/** What the templates of every wanted cluster name. What cannot be read is unknown. */
export async function readTemplateStarts(
  sources: readonly TemplateSource[],
  scopes: readonly ScopeRecord[],
  wanted: Wanted,
): Promise<StartsRead & { readonly complete: ReadonlySet<string> }> {
  const places = new Map<string, Registry>();
  for (const { scope } of scopes) {
    const { account, region } = scope;
    if (region !== '*') places.set(registryKey(scope), { account, region });
  }
  const starts: PossibleStart[] = [];
  const unknown: UnknownStarts[] = [];
  const clusters = new Map<string, { readonly cluster: Cluster; readonly source: TemplateSource }>();
  for (const place of places.values())
    for (const source of sources) {
      const problem = await problemOf(async () => {
        for await (const cluster of source.clusters(place))
          if (wanted.cluster(cluster) && wanted.area(cluster))
            clusters.set(platformKey(source.platform, cluster), { cluster, source });
      });
      const name = `its ${source.platform} clusters cannot be listed`;
      if (problem) unknown.push({ ...problem, place: registryKey(place), problem: `${name}: ${problem.problem}` });
    }
  const complete = new Set<string>();
  await mapConcurrently([...clusters.values()], CLUSTERS_AT_ONCE, async ({ cluster, source }) => {
    const found: PossibleStart[] = [];
    const problem = await problemOf(async () => {
      for await (const templates of source.templates(cluster))
        for (const { images, workloadKind, workload } of templates)
          for (const { reference } of images)
            found.push({
              ...{ workloadKind, workload },
              place: doorPlaceOf({ ...cluster, workloadKind, workload }),
              ...(reference !== undefined && { reference }),
              ...{ digests: [], byDigest: [], sources: ['template'] },
            });
    });
    // What was read before a failure counts: it may be refused.
    starts.push(...found);
    if (problem)
      unknown.push({
        ...{ place: clusterKey(cluster), next: problem.next },
        problem: `its ${TEMPLATES[source.platform]} cannot be read: ${problem.problem}`,
      });
    else complete.add(platformKey(source.platform, cluster));
  });
  return { starts, unknown, unnamed: 0, clusters: new Set(clusters.keys()), complete };
}

/** A cluster of ECS and one of EKS may have the same name. */
const platformKey = (platform: TemplateSource['platform'], cluster: Cluster): string =>
  `${platform} ${clusterKey(cluster)}`;

const TEMPLATES = { EKS: 'workload templates', ECS: 'services and task definitions' } as const;

type Problem = Pick<UnknownStarts, 'problem' | 'next'>;

/** A read that fails is an answer: what it would have found is unknown. */
async function problemOf(read: () => Promise<void>): Promise<Problem | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { problem: textOf(error), next: nextStepAfter(error) };
  }
}

function textOf(error: Error): string {
  if (error instanceof ClusterUnreachableError) return error.problem;
  const cause = error.name === 'ScopeUnreachableError' && error.cause instanceof Error ? error.cause : error;
  return cause.name === 'AccountNotOursError' ? 'it is another account than yours' : `${cause.name}: ${cause.message}`;
}

const NEXT_STEPS: Readonly<Record<string, string>> = {
  AccountNotOursError: 'Name a role that you may assume in that account: --role NAME',
  ClusterUnauthorizedError: 'Give your role an access entry with the access policy AmazonEKSViewPolicy.',
  ClusterForbiddenError: 'Give your role an access entry with the access policy AmazonEKSViewPolicy.',
  ClusterEndpointPrivateError: 'Run the command from a network that reaches the endpoint of the cluster.',
  ClusterConnectionError: 'Run the command from a network that reaches the endpoint of the cluster.',
};

function nextStepAfter(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const known = NEXT_STEPS[error.name] ?? NEXT_STEPS[cause.name];
  if (known !== undefined) return known;
  return isRefusal(error) || isRefusal(cause)
    ? 'Allow yourself the read; see "Permissions" in docs/commands.md.'
    : 'Run the command again. If this persists, fix what the message names.';
}

/** Workloads that run images without a known digest, unless a template says what they name. */
export function unidentifiedIn(
  scopes: readonly ScopeRecord[],
  complete: ReadonlySet<string>,
  wanted: Wanted,
): readonly UnknownStarts[] {
  return scopes.flatMap(({ scope, unidentified = [] }) => {
    const left = unidentified.filter(({ workload }) => {
      const [kind = '', path = ''] = workload.split(' ');
      const [account = '', region = '', cluster = '', ...name] = path.split('/');
      const named = { account, region, cluster };
      const workloadKind = kind as WorkloadKind;
      const place = doorPlaceOf({ ...named, workloadKind, workload: name.join('/') });
      const platform = hasClusterScope({ workloadKind }) ? 'EKS' : 'ECS';
      const isRead = complete.has(platformKey(platform, named)) && isTemplated(kind);
      return wanted.cluster(named) && wanted.area(named) && (wanted.place?.(place) ?? true) && !isRead;
    });
    const [first] = left;
    if (!first) return [];
    const more = left.length > 1 ? ` and ${left.length - 1} more` : '';
    return [
      {
        place: keyOfScope(scope),
        problem: `${counted(left.length, 'workload')} ran images without a known digest: ${first.workload}${more}`,
        next: 'Name its image by a digest. See "Not seen" in: patchwave report',
      },
    ];
  });
}
