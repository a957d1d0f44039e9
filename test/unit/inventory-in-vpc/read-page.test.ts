import { MOST_ANSWER_BYTES, readPage } from '../../../functions/inventory-in-vpc/read-page.ts';
import { clusterPageAnswer, isClusterFailure } from '../../../shared/domain/image/cluster-facts.ts';
import type { PodFacts } from '../../../shared/domain/image/kubernetes-pod.ts';
import * as errors from '../../../shared/ports/cluster-errors.ts';
import type { ClusterPages } from '../../../shared/ports/cluster-pages.ts';
import { safeParse } from '../../../shared/schema.ts';

const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const pod: PodFacts = { namespace: 'shop', name: 'one', containers: [{ name: 'app', image: 'x'.repeat(1000) }] };

class Pages {
  closed = 0;
  readonly page: ClusterPages['page'];
  constructor(result: unknown) {
    this.page = async () => {
      if (result instanceof Error) throw result;
      return result as never;
    };
  }
  close(): void {
    this.closed += 1;
  }
}

const read = (pages: Pages | undefined) =>
  readPage(async () => pages, cluster, { list: 'pods', limit: 500 }, AbortSignal.timeout(1000));

test('a page is the answer, and the connection is closed', async () => {
  const pages = new Pages({ facts: [pod], token: 't', isExpired: false });
  expect(await read(pages)).toEqual({ outcome: 'page', facts: [pod], token: 't', isExpired: false });
  expect(pages.closed).toBe(1);
});

test('a page that Lambda would refuse as an answer is too large', async () => {
  const facts = Array<PodFacts>(6000).fill(pod);
  expect(JSON.stringify(facts).length).toBeGreaterThan(MOST_ANSWER_BYTES);
  expect(await read(new Pages({ facts, isExpired: false }))).toEqual({ outcome: 'too-large' });
  expect(await read(new Pages('too-large'))).toEqual({ outcome: 'too-large' });
});

test('an error of the cluster is an answer that the hub accepts, however long it is', async () => {
  const pages = new Pages(new errors.ClusterFailingError(cluster, 'x'.repeat(100_000)));
  const answer = await read(pages);
  expect(answer).toMatchObject({ outcome: 'failed', error: 'ClusterFailingError' });
  expect(safeParse(clusterPageAnswer('pods', 500), JSON.parse(JSON.stringify(answer))).success).toBe(true);
  expect(pages.closed).toBe(1);
});

test('any other error fails the invocation', async () => {
  const pages = new Pages(new TypeError('broken'));
  await expect(read(pages)).rejects.toThrow('broken');
  expect(pages.closed).toBe(1);
});

test('every error of a cluster that is called can be an answer', () => {
  const names = Object.keys(errors).filter((name) => /^Cluster\w+Error$/.test(name));
  const ofTheHub = ['ClusterFunctionError', 'ClusterInVpcError', 'ClusterUnreachableError', 'ClustersUnlistedError'];
  expect(names.filter((name) => !isClusterFailure(name)).sort()).toEqual(ofTheHub);
  expect(names.length).toBeGreaterThan(ofTheHub.length);
});
