import { FakeEksDeployer } from '../support/fakes/eks-deployer.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import { type EksDeployerWorld, eksDeployerContract } from './eks-deployer.contract.ts';

const deployer = new FakeEksDeployer(() => NOON_EPOCH_MS);
const unreachable = {
  account: '999999999999',
  region: 'eu-west-1',
  cluster: 'prod',
  service: 'eks-deployment:shop/web',
};
deployer.deny(unreachable);
let workloads = 0;

const world: EksDeployerWorld = {
  ...{ deployer, unreachable },
  newWorkload: async (kind, workload) => {
    const service = { ...unreachable, account: '444455556666', service: `${kind}:shop/web-${++workloads}` };
    deployer.create(service, workload);
    return service;
  },
  read: async (service) => deployer.workload(service),
  edit: async (service, change) => void deployer.edit(service, change),
  report: async (service, status) => void deployer.report(service, status),
  remove: async (service) => void deployer.remove(service),
};

eksDeployerContract(() => world);
