import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { paginateListExecutions, SFNClient } from '@aws-sdk/client-sfn';
import { untilSettled } from '../../local/acting.ts';
import { collect } from '../../shared/concurrency.ts';
import {
  cascadesIn,
  enforceOnly,
  heldIn,
  NOTHING_HELD,
  rebuildsOf,
  rebuiltTimes,
  wakePlanner,
} from '../support/acting.ts';
import { useReviewed } from '../support/acting-cases.ts';
import { actingFleet, streamOf } from '../support/acting-fleet.ts';
import { approve, runsOf } from '../support/acts-of-persons.ts';
import { hubOf } from '../support/readings.ts';
import { untilIn } from '../support/stopping.ts';

const LIMIT_MS = 180_000;
const AT_ONCE = 20;
const HOUR_MS = 3_600_000;

const times = <Result>(work: (n: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: AT_ONCE }, (_, n) => work(n)));

describe(`${AT_ONCE} at once`, () => {
  const fleet = () =>
    actingFleet([{ name: 'planned' }, { name: 'dispatched', pipeline: { approval: 'before-build' } }], {
      caps: { concurrentRebuilds: 1 },
    });
  const installation = useReviewed(fleet);

  test(
    'planners start one execution',
    async () => {
      const before = await executions();
      await enforceOnly(installation(), ['planned']);
      await times(() => invoke('cascade-plan', { Records: [{ messageId: 'm', body: '{}', eventSource: 'aws:sqs' }] }));
      await rebuiltTimes(installation(), streamOf('planned'), 1);
      await untilSettled(installation().context, LIMIT_MS / 3);
      await wakePlanner(installation());

      const started = (await executions()).filter((name) => !before.includes(name));
      expect(started).toEqual((await cascadesIn(installation())).map(({ cascadeId }) => cascadeId));
      expect(started).toHaveLength(1);
      expect(await runsOf(installation().cloud, 'planned')).toHaveLength(1);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );

  test(
    'dispatches of one stream start one run of its pipeline',
    async () => {
      const { cloud, context } = installation();
      const stream = streamOf('dispatched');
      const lease = { nowEpochMs: Date.now(), untilEpochMs: Date.now() + HOUR_MS };
      expect(await context.slots.take('fleet', 1, 'another', lease)).toBe(true);
      await enforceOnly(installation(), ['dispatched']);
      const { cascadeId, executionArn } = await untilIn(installation(), stream, 'WaitToReserve', LIMIT_MS / 3);
      await context.slots.release('fleet', 'another');

      const step = { cascadeId, stream, executionArn };
      const reserved = await times(() => invoke('rebuild-dispatch', { action: 'reserve', ...step }));
      const [{ rebuildId } = {}] = reserved;
      expect(reserved.map(({ decision, rebuildId: id }) => [decision, id])).toEqual(
        reserved.map(() => ['build', rebuildId]),
      );
      expect(await heldIn(installation())).toMatchObject({ locks: [stream], slots: [rebuildId] });
      await times((n) => invoke('rebuild-dispatch', { action: 'start', ...step, rebuildId, taskToken: `token-${n}` }));

      await approve(cloud, 'dispatched', 'Approved');
      await rebuiltTimes(installation(), stream, 1);
      await untilSettled(context, LIMIT_MS / 3);
      expect((await runsOf(cloud, 'dispatched')).map(([, status]) => status)).toEqual(['Succeeded']);
      expect((await rebuildsOf(installation(), stream)).map(({ outcome }) => outcome)).toEqual([{ result: 'fixed' }]);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );

  /** What a function replies; a planner or dispatch that lost the race may fail, and is tried again by its caller. */
  async function invoke(name: string, event: object): Promise<Readonly<Record<string, unknown>>> {
    const { Payload } = await new LambdaClient({ ...hubOf(installation()), maxAttempts: 1 }).send(
      new InvokeCommand({ FunctionName: `patchwave-${name}`, Payload: JSON.stringify(event) }),
    );
    return JSON.parse(Payload?.transformToString() || 'null') ?? {};
  }

  /** Names of the executions of the cascade machine. */
  async function executions(): Promise<string[]> {
    const client = new SFNClient(hubOf(installation()));
    const stateMachineArn = installation().deployment.outputs.RebuildCascadeMachineArn;
    const pages = await collect(paginateListExecutions({ client }, { stateMachineArn }));
    return pages.flatMap(({ executions: page = [] }) => page.map(({ name = '' }) => name));
  }
});
