import { afterAll, beforeAll } from '@jest/globals';
import { EksDeployer } from '../../shared/adapters/eks-deployer.ts';
import type { KubernetesWorkload } from '../../shared/domain/rollout/kubernetes-workload.ts';
import { EksClusters } from '../support/eks-clusters.ts';
import { addWorkload, changeWorkload, readWorkload, removeWorkload } from '../support/eks-services.ts';
import { type EksDeployerWorld, eksDeployerContract } from './eks-deployer.contract.ts';

const clusters = new EksClusters();
const CLUSTER = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const unreachable = {
  account: '999999999999',
  region: 'eu-west-1',
  cluster: 'prod',
  service: 'eks-deployment:shop/web',
};
let workloads = 0;
beforeAll(async () => {
  (await clusters.server(unreachable)).isTokenGood = () => false;
});
afterAll(() => clusters.stop());

const specOf = ({ spec = {} }: KubernetesWorkload) => spec;

const world: EksDeployerWorld = {
  ...{ deployer: clusters.deployer, unreachable },
  newWorkload: async (kind, workload) => {
    const service = { ...CLUSTER, service: `${kind}:shop/web-${++workloads}` };
    await addWorkload(clusters, service, workload);
    return service;
  },
  read: (service) => readWorkload(clusters, service),
  edit: (service, change) =>
    changeWorkload(clusters, service, ({ metadata = {}, ...workload }) => ({
      ...{ ...workload, metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 } },
      spec: change(specOf(workload)),
    })),
  report: (service, status) =>
    changeWorkload(clusters, service, (workload) => ({
      ...workload,
      status: { ...workload.status, observedGeneration: workload.metadata?.generation ?? 0, ...status },
    })),
  remove: (service) => removeWorkload(clusters, service),
};

test('the deployer of this suite is the real adapter', () => {
  expect(world.deployer).toBeInstanceOf(EksDeployer);
});

eksDeployerContract(() => world);
