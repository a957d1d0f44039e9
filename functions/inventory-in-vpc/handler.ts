import { ownEksClient } from '../../shared/adapters/clients.ts';
import { connectEks } from '../../shared/adapters/eks-connection.ts';
import { KubernetesPages } from '../../shared/adapters/kubernetes-pages.ts';
import { clusterPageRequest } from '../../shared/domain/image/cluster-facts.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { READS_IN_VPC } from '../../shared/ports/cluster-errors.ts';
import { readPage } from './read-page.ts';

/** The time to answer that a page took too long. */
const KEPT_FOR_THE_ANSWER_MS = 5_000;

function compose() {
  const client = ownEksClient();
  const access = { clients: () => client, credentials: () => client.config.credentials(), clock: Date.now };
  return async (cluster: Cluster, signal: AbortSignal) => {
    const api = await connectEks(access, cluster, READS_IN_VPC, signal);
    return api && new KubernetesPages(api);
  };
}

/** Reads one page of a private EKS cluster for the hub. Deployed in the VPC of the cluster by member-vpc.yaml. */
export const handler = lambdaFunction({
  input: clusterPageRequest,
  compose,
  handle: async (request, connect, context) => {
    logger.appendKeys({ cluster: request.cluster, list: request.list });
    const [, , , region = '', account = ''] = context.invokedFunctionArn.split(':');
    const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - KEPT_FOR_THE_ANSWER_MS));
    return readPage(connect, { account, region, cluster: request.cluster }, request, signal);
  },
});
