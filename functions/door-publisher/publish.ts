import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { type ListSource, listedDigests } from '../../shared/domain/admission/allowed-images.ts';
import { enrolledClusters, idlePatterns, type KnownCluster } from '../../shared/domain/admission/enrolled-clusters.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/domain/common/time.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { clusterKey } from '../../shared/domain/image/workload-kind.ts';
import { type AllowedImages, listAllowedImages } from '../../shared/judging/list-allowed-images.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { ClusterUnfinishedError, PUBLISHES } from '../../shared/ports/cluster-errors.ts';
import { NoPolicyError } from '../../shared/ports/errors.ts';
import type { ScopeLedger } from '../../shared/ports/ledger.ts';
import type { CurrentPolicy } from '../../shared/ports/policies.ts';
import { ClusterNotPublishedError, PublicationIncompleteError } from './errors.ts';
import type { PublisherPorts } from './ports.ts';
import { endLists, publishCluster } from './publish-cluster.ts';

export interface PublicationSettings {
  /** Clusters, in whose account, Region and name `*` stands for any run of characters. */
  readonly patterns: readonly Cluster[];
  /** How long after the reading the lists refuse anything. */
  readonly listHours: number;
}

const CLUSTERS_AT_ONCE = 8;
/** For one cluster: 16 lists of 1.5 MB take some seconds. */
const MOST_CLUSTER_MS = 120_000;
/** Kept for the end of the invocation. */
const END_MS = 5_000;

/**
 * Publishes the images that may start to each enrolled cluster. A cluster that fails keeps no other one from being published.
 * @param remainingMs how long the invocation still has
 * @throws PublicationIncompleteError after all; what a read of policy or ledger throws
 */
export async function publish(
  ports: PublisherPorts,
  settings: PublicationSettings,
  remainingMs: () => number,
): Promise<void> {
  // The policy belongs to the reading: otherwise an older policy that is read slowly would count as the newer reading.
  const readAtEpochMs = ports.clock();
  const inForce = await policyInForce(ports);
  if (!inForce) return count({ published: 0, failing: 0, digests: 0 });
  const known = await knownClusters(ports.scopes);
  const { published, missed, ended } = enrolledClusters(settings.patterns, inForce.policy, known);
  await mapConcurrently(ended, CLUSTERS_AT_ONCE, (cluster) => endListsOf(ports, cluster, remainingMs));
  for (const pattern of idlePatterns(settings.patterns, known))
    logger.warn(
      `${clusterKey(pattern)} of \`Clusters\` names no EKS cluster that a review has found. Correct it if one should get lists.`,
    );
  const failed = missed.map(({ cluster, reason }) => ({
    cluster,
    error: new ClusterNotPublishedError(cluster, reason),
  }));
  for (const { cluster, error } of failed) logFailure(cluster, error);
  if (published.length === 0) return end({ published: 0, failing: failed.length, digests: 0 });
  const images = await listAllowedImages(ports, inForce, published, readAtEpochMs);
  if (images.unreadable.length > 0)
    logger.warn(`${images.unreadable.length} images cannot be judged, so no list has them`, {
      digests: images.unreadable.slice(0, MOST_SHOWN),
    });
  const digestsOf = listedDigests(images.allowed);
  const outcomes = await mapConcurrently(inTurn(published, readAtEpochMs), CLUSTERS_AT_ONCE, (cluster) =>
    outcomeOf(cluster, () =>
      publishOne(ports, settings, { ...images, digestsOf, policyVersion: inForce.version }, cluster, remainingMs),
    ),
  );
  const isPublished = outcomes.filter((outcome) => outcome === 'published').length;
  const isFailing = outcomes.filter((outcome) => outcome === 'failed').length;
  end({ published: isPublished, failing: failed.length + isFailing, digests: images.allowed.size });
}

const MOST_SHOWN = 20;

/** Each minute another cluster comes first: where the time does not suffice for all, it is not always the same ones that wait. */
function inTurn(clusters: readonly Cluster[], nowEpochMs: number): readonly Cluster[] {
  const first = Math.floor(nowEpochMs / MINUTE_MS) % clusters.length;
  return [...clusters.slice(first), ...clusters.slice(0, first)];
}

/** `undefined` before the first policy: then there is no door. @throws PolicyUnreadableError */
async function policyInForce({ policies }: PublisherPorts): Promise<CurrentPolicy | undefined> {
  try {
    return await policies.current();
  } catch (error) {
    if (error instanceof NoPolicyError) return undefined;
    throw error;
  }
}

async function knownClusters(scopes: Pick<ScopeLedger, 'all'>): Promise<readonly KnownCluster[]> {
  const known: KnownCluster[] = [];
  for await (const { scope, left, completeAtEpochMs, isUnreadable = false } of scopes.all()) {
    const { account, region, eksCluster } = scope;
    // `*`: the list of the clusters of an account and Region.
    if (eksCluster === undefined || eksCluster === '*' || (left && !left.isBack)) continue;
    known.push({ account, region, cluster: eksCluster, isRead: completeAtEpochMs !== undefined, isUnreadable });
  }
  return known;
}

type Outcome = 'published' | 'failed' | 'deleted';

/** Every failure is one of this cluster: it is logged, and counted at the end. */
async function outcomeOf(cluster: Cluster, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    logFailure(cluster, error as Error);
    return 'failed';
  }
}

/** What was read for all clusters. */
type ForAllClusters = Pick<AllowedImages, 'gracedIn' | 'readAtEpochMs'> &
  Pick<ListSource, 'digestsOf' | 'policyVersion'>;

async function publishOne(
  ports: PublisherPorts,
  { listHours }: PublicationSettings,
  { digestsOf, gracedIn, readAtEpochMs, policyVersion }: ForAllClusters,
  cluster: Cluster,
  remainingMs: () => number,
): Promise<Outcome> {
  const graced = gracedIn(cluster);
  const running = new Map([...graced].map(([digest, { namespaces }]) => [digest, namespaces]));
  const source = {
    ...{ digestsOf, graced, readAtEpochMs, policyVersion, cluster, running },
    notAfterEpochMs: readAtEpochMs + listHours * HOUR_MS,
  };
  const lists = await publishCluster(ports, source, timeFor(cluster, remainingMs));
  return lists === undefined ? 'deleted' : 'published';
}

/** @throws ClusterUnfinishedError if none is left */
function timeFor(cluster: Cluster, remainingMs: () => number): AbortSignal {
  const leftMs = Math.min(MOST_CLUSTER_MS, remainingMs() - END_MS);
  if (leftMs <= 0) throw new ClusterUnfinishedError(cluster, PUBLISHES);
  return AbortSignal.timeout(leftMs);
}

/** No failure: a cluster that gets no lists need not let Patchwave in. Lists that nothing ends refuse until they are too old. */
async function endListsOf(ports: PublisherPorts, cluster: Cluster, remainingMs: () => number): Promise<void> {
  try {
    const ended = (await endLists(ports, cluster, timeFor(cluster, remainingMs))) ?? 0;
    if (ended > 0)
      logger.info(`ended ${counted(ended, 'list')} of ${clusterKey(cluster)}: the policy wants none there`, {
        ...cluster,
      });
  } catch (error) {
    logger.warn(
      `The policy wants no lists in ${clusterKey(cluster)}, and whether it has some is unknown: ${(error as Error).message}`,
      {
        ...cluster,
        error: (error as Error).name,
      },
    );
  }
}

const logFailure = (cluster: Cluster, error: Error): void =>
  logger.error(`Patchwave published no lists to ${clusterKey(cluster)}: ${error.message}`, {
    ...cluster,
    error: error.name,
  });

interface Counts {
  readonly published: number;
  readonly failing: number;
  readonly digests: number;
}

/** @throws PublicationIncompleteError, so that no failure ends as a success */
function end(counts: Counts): void {
  count(counts);
  const { published, failing } = counts;
  if (failing > 0) throw new PublicationIncompleteError(failing, published + failing);
}

function count({ published, failing, digests }: Counts): void {
  metrics.addMetric('Publications', MetricUnit.Count, 1);
  metrics.addMetric('ClustersPublished', MetricUnit.Count, published);
  metrics.addMetric('ClustersFailing', MetricUnit.Count, failing);
  metrics.addMetric('AllowedImages', MetricUnit.Count, digests);
  logger.info(
    `published to ${counted(published, 'cluster')}, not to ${failing}; ${counted(digests, 'image')} may start`,
  );
}
