import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import { untilSettled } from '../../local/acting.ts';
import { cascadesIn, causeOf, deploymentsStarted, rebuildsOf, rebuiltTimes } from '../support/acting.ts';
import { ActingCases, useReviewed } from '../support/acting-cases.ts';
import { actingFleet, CLUSTER, serviceOf, streamOf, TEAM } from '../support/acting-fleet.ts';
import { denyRole } from '../support/acts-of-persons.ts';
import { containersIn } from './oracle/running.ts';

const LIMIT_MS = 120_000;

const both = [
  { name: 'one', image: 'pair-one', tag: 'stable' },
  { name: 'other', image: 'pair-other', tag: 'stable' },
];

const fleet = () =>
  actingFleet(
    [
      { name: 'pinned', reference: 'digest' },
      { name: 'rolled-back', service: { circuitBreaker: 'rollback' } },
      { name: 'pair-one', service: { containers: both } },
      { name: 'pair-other', service: { containers: both.slice(1) } },
      { name: 'unread' },
    ],
    { guards: { coolDownMinutes: 0, attempts: 1 } },
  );

describe('a difficult rollout', () => {
  const installation = useReviewed(fleet);
  const cases = new ActingCases(installation);

  test(
    'a service pinned to a digest: its deployment is refused with the reason, and the closure waits for its owner',
    async () => {
      const rebuild = await cases.rebuilt('pinned');
      expect(rebuild.outcome).toEqual({ result: 'fixed' });
      expect(await cases.deploymentsOf('pinned')).toMatchObject([
        { state: 'refused', detail: expect.stringContaining('pinned-reference') },
      ]);
      expect(await deploymentsStarted(installation())).toBe(0);
      await cases.nothingFollows();
      expect(await cases.runningOf('pinned')).toEqual([rebuild.headBefore]);
      expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
      expect(await cases.closuresOf('pinned')).toMatchObject([
        { state: 'open', waitingFor: expect.stringContaining(serviceOf('pinned')) },
      ]);
    },
    LIMIT_MS,
  );

  test(
    'a deployment that ECS rolls back is recorded as such, and neither deployed nor built again',
    async () => {
      const { cloud } = installation();
      await cloud.admin.changeService({ ...TEAM, cluster: CLUSTER, service: 'rolled-back', newTasksFail: true });
      const rebuild = await cases.rebuilt('rolled-back');
      expect(rebuild.outcome).toEqual({ result: 'fixed' });
      expect(await cases.deploymentsOf('rolled-back')).toMatchObject([
        { state: expect.stringMatching(/^(failed|rolled-back)$/) },
      ]);
      expect((await cascadesIn(installation())).at(-1)).toMatchObject({
        state: 'incomplete',
        failure: { error: 'CascadeIncomplete', detail: expect.stringContaining(serviceOf('rolled-back')) },
      });
      await cases.nothingFollows();
      expect(await deploymentsStarted(installation())).toBe(1);
      const { services = [] } = await new ECSClient(cloud.clients(TEAM.account, TEAM.region)).send(
        new DescribeServicesCommand({ cluster: CLUSTER, services: ['rolled-back'] }),
      );
      const primary = services[0]?.deployments?.find(({ status }) => status === 'PRIMARY');
      expect(primary?.id).not.toBe((await cases.deploymentsOf('rolled-back'))[0]?.deploymentId);
      expect(await cases.runningOf('rolled-back')).toEqual([rebuild.headBefore]);
      expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
      expect(await cases.closuresOf('rolled-back')).toMatchObject([{ state: 'open' }]);
    },
    LIMIT_MS,
  );

  test(
    'a service with two containers of one cascade: it is deployed once, with both of them',
    async () => {
      await cases.enforce(['pair-one', 'pair-other']);
      await rebuiltTimes(installation(), streamOf('pair-one'), 1);
      await rebuiltTimes(installation(), streamOf('pair-other'), 1);
      await untilSettled(installation().context, LIMIT_MS / 2);
      const rebuilds = await Promise.all(
        ['pair-one', 'pair-other'].map(async (app) => (await rebuildsOf(installation(), streamOf(app)))[0]),
      );
      expect(new Set(rebuilds.map((rebuild) => rebuild?.cascadeId)).size).toBe(1);
      const deployments = await cases.deploymentsOf('pair-one');
      expect(deployments).toMatchObject([{ state: 'completed' }]);
      // The other service runs only one of the two.
      expect(await deploymentsStarted(installation())).toBe(2);
      const running = await containersIn(installation().cloud.endpoint, TEAM);
      const outputs = running.filter(({ container }) => ['one', 'other'].includes(container.name ?? ''));
      expect(new Set(outputs.map(({ container }) => container.imageDigest))).toEqual(
        new Set(rebuilds.map((rebuild) => rebuild?.output)),
      );
      await cases.nothingFollows();
    },
    LIMIT_MS,
  );

  test(
    'an account that cannot be read: its closure stays open, and closes once it is read again',
    async () => {
      const { cloud, review } = installation();
      const rebuild = await cases.rebuilt('unread');
      expect(rebuild.outcome).toEqual({ result: 'fixed' });
      await denyRole(cloud, 'PatchwaveRead', ['ecs:*']);
      await review();
      const [open] = await cases.closuresOf('unread');
      expect(open).toMatchObject({
        state: 'open',
        waitingFor: expect.stringContaining(`${TEAM.account}/${TEAM.region}`),
      });
      expect(await causeOf(installation(), streamOf('unread'))).toMatchObject({ state: 'open' });

      await denyRole(cloud, 'PatchwaveRead', []);
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      expect(await cases.closuresOf('unread')).toMatchObject([{ state: 'closed', proof: { usagesOfOutput: 1 } }]);
      expect(await causeOf(installation(), streamOf('unread'))).toMatchObject({ state: 'closed', facts: [] });
    },
    LIMIT_MS,
  );
});
