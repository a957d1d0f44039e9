import { FakeDeployer } from '../support/fakes/deployer.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import { CONTAINERS, type DeployerWorld, deployerContract } from './deployer.contract.ts';

const time = { nowEpochMs: NOON_EPOCH_MS };
const deployer = new FakeDeployer(() => time.nowEpochMs++);
const unreachable = { account: '999999999999', region: 'eu-west-1', cluster: 'prod', service: 'api' };
deployer.deny(unreachable);
let services = 0;
const rollingBack = new Set<string>();
const newService = () => ({ ...unreachable, account: '444455556666', service: `api-${++services}` });

const world: DeployerWorld = {
  deployer,
  unreachable,
  newService: async ({ controller = 'ECS', rollsBack = false, blueGreen = false } = {}) => {
    const service = newService();
    if (rollsBack) rollingBack.add(service.service);
    deployer.create(service, CONTAINERS, { controller, ...(blueGreen && { bakeMs: 60_000 }) });
    return service;
  },
  complete: async (service, deploymentId) => void deployer.complete(service, deploymentId),
  breakTasks: async () => undefined,
  fail: async (service, deploymentId) =>
    void deployer.fail(service, deploymentId, { rollsBack: rollingBack.has(service.service) }),
  remove: async (service) => void deployer.remove(service),
  revisions: async ({ service }) => deployer.revisions(service),
};

deployerContract(() => world);

test('a deployment that was replaced is listed for a while only', async () => {
  const service = newService();
  deployer.create(service, CONTAINERS);
  const failed = await deployer.restart(service, await deployer.describe(service));
  deployer.fail(service, failed, { rollsBack: true });
  expect((await deployer.describe(service)).deployments).toHaveLength(2);
  deployer.forget(service, failed);
  expect((await deployer.describe(service)).deployments).toMatchObject([{ isPrimary: true, state: 'completed' }]);
});
