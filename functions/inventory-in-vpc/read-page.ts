import {
  type ClusterPageAnswer,
  type ClusterPageRequest,
  failedAnswer,
  isClusterFailure,
} from '../../shared/domain/image/cluster-facts.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { ClusterNotActiveError, ClusterUnreachableError, READS_IN_VPC } from '../../shared/ports/cluster-errors.ts';
import type { ClusterPages } from '../../shared/ports/cluster-pages.ts';

/** Connects to a cluster; `undefined` if it was deleted. */
type Connect = (cluster: Cluster, signal: AbortSignal) => Promise<ClusterPages | undefined>;

/** Lambda refuses an answer of more than 6 MB. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const MOST_ANSWER_BYTES = 5 * 1024 ** 2;

/** One page of one list of a cluster. An error of the cluster is an answer, since the hub knows its next step. */
export async function readPage(
  connect: Connect,
  cluster: Cluster,
  { list, limit, token, name }: Omit<ClusterPageRequest, 'cluster'>,
  signal: AbortSignal,
): Promise<ClusterPageAnswer> {
  let pages: ClusterPages | undefined;
  try {
    pages = await connect(cluster, signal);
    // The hub found it a moment ago.
    if (!pages) throw new ClusterNotActiveError(cluster, 'DELETED', READS_IN_VPC);
    const page = await pages.page(list, {
      limit,
      ...(token !== undefined && { token }),
      ...(name !== undefined && { name }),
    });
    if (page === 'too-large') return { outcome: 'too-large' };
    const answer: ClusterPageAnswer = { outcome: 'page', ...page };
    return Buffer.byteLength(JSON.stringify(answer)) > MOST_ANSWER_BYTES ? { outcome: 'too-large' } : answer;
  } catch (error) {
    if (!(error instanceof ClusterUnreachableError) || !isClusterFailure(error.name)) throw error;
    return failedAnswer(error.name, error.problem);
  } finally {
    pages?.close();
  }
}
