import { afterEach, beforeAll } from '@jest/globals';
import { START_LEASE_MS } from '../../functions/rollout/begin.ts';
import { untilSettled } from '../../local/acting.ts';
import type { Kill } from '../../local/cloud/admin-types.ts';
import { eventually } from '../../local/cloud/probe.ts';
import { collect } from '../../shared/concurrency.ts';
import {
  deploymentsStarted,
  enforceOnly,
  heldIn,
  lapseDeployments,
  lapsePlanning,
  NOTHING_HELD,
  PLANNING,
  rebuildsOf,
  runsStarted,
  wakePlanner,
} from '../support/acting.ts';
import { actingFleet, streamOf, TEAM } from '../support/acting-fleet.ts';
import { useInstallation } from '../support/installation.ts';
import { waitBriefly } from '../support/scenario.ts';
import { containersIn } from './oracle/running.ts';

const LIMIT_MS = 120_000;

const point = (name: string, operation: string, change: Partial<Kill> = {}): Kill => ({
  function: `patchwave-${name}`,
  operation,
  ...change,
});
const after = { after: true } as const;

/** Each by name: the function dies at this call, before it is made or after it. */
const POINTS: readonly (readonly [string, Kill])[] = [
  ['the planner, with its lease only', point('cascade-plan', 'PutItem', after)],
  ['the planner, before the execution starts', point('cascade-plan', 'StartExecution')],
  ['the planner, after the execution started', point('cascade-plan', 'StartExecution', after)],
  ['the dispatch, with a slot and no lock', point('rebuild-dispatch', 'PutItem', after)],
  ['the dispatch, with a lock and no record', point('rebuild-dispatch', 'PutItem', { nth: 2, ...after })],
  ['the dispatch, with a record', point('rebuild-dispatch', 'PutItem', { nth: 3, ...after })],
  ['the dispatch, before the pipeline starts', point('rebuild-dispatch', 'StartPipelineExecution')],
  ['the dispatch, after the pipeline started', point('rebuild-dispatch', 'StartPipelineExecution', after)],
  ['the result, before it is written', point('build-result', 'PutItem')],
  ['the result, before the step gets it', point('build-result', 'SendTaskSuccess')],
  ['the result, after the step got it', point('build-result', 'SendTaskSuccess', after)],
  ['the verification, before it asks for a scan', point('verify-rebuild', 'StartImageScan')],
  ['the verification, after it asked for a scan', point('verify-rebuild', 'StartImageScan', after)],
  ['the verification, before its first record', point('verify-rebuild', 'PutItem')],
  ['the settling, before the lock is given back', point('rebuild-dispatch', 'DeleteItem')],
  ['the settling, after the lock was given back', point('rebuild-dispatch', 'DeleteItem', after)],
  ['the rollout, with its plan written', point('rollout', 'PutObject', after)],
  ['the rollout, before it deploys', point('rollout', 'UpdateService')],
  ['the rollout, after it deployed', point('rollout', 'UpdateService', after)],
];

const APPS = POINTS.map((_, n) => `app-${n}`);

describe('a function killed between two calls', () => {
  const installation = useInstallation(() => actingFleet(APPS.map((name) => ({ name }))), {
    mode: 'enforce',
    parameters: PLANNING,
  });

  beforeAll(async () => {
    await waitBriefly(installation().cloud);
    await enforceOnly(installation(), []);
    await installation().review();
    await untilSettled(installation().context, LIMIT_MS);
  }, LIMIT_MS);
  afterEach(async () => installation().cloud.admin.endFaults());

  test.each(POINTS.map(([name, kill], n) => [name, kill, `app-${n}`] as const))(
    '%s: one build, one deployment, and nothing is left behind',
    async (_, kill, app) => {
      const { cloud, context } = installation();
      await cloud.admin.clearCalls();
      await cloud.admin.setFaults({ seed: 1, kills: [kill] });

      await enforceOnly(installation(), [app]);
      await eventually(async () => ((await cloud.admin.killsMade()) > 0 ? true : undefined), 'the kill', LIMIT_MS / 2);
      if (kill.function === 'patchwave-cascade-plan') await lapsePlanning(installation());
      // What was begun is adopted by its instant, so only that one's can be moved: where nothing was begun, the first
      // deployment of the service would be taken for it.
      const waits = kill.operation === 'UpdateService' && !kill.after;
      if (kill.operation === 'UpdateService' && !waits) await lapseDeployments(installation(), START_LEASE_MS);
      await wakePlanner(installation());
      await untilSettled(context, LIMIT_MS / 2 + (waits ? START_LEASE_MS : 0));

      const rebuilds = await rebuildsOf(installation(), streamOf(app));
      expect(rebuilds.map(({ outcome }) => outcome)).toEqual([{ result: 'fixed' }]);
      expect(await runsStarted(installation())).toBe(1);
      expect(await deploymentsStarted(installation())).toBe(1);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
      const closures = await collect(context.rollouts.openClosures());
      expect(closures.filter(({ stream }) => stream === streamOf(app))).toHaveLength(1);
      const running = await containersIn(cloud.endpoint, TEAM);
      expect(running.map(({ container }) => container.imageDigest)).toContain(rebuilds[0]?.output);
    },
    LIMIT_MS + START_LEASE_MS,
  );
});
