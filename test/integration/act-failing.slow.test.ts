import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { untilSettled } from '../../local/acting.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { Cascade } from '../../shared/domain/cause/cascade.ts';
import { generationOf } from '../../shared/domain/cause/rebuild.ts';
import {
  cascadesIn,
  causeOf,
  enforceOnly,
  executionOf,
  heldIn,
  NOTHING_HELD,
  rebuildsOf,
  rebuiltTimes,
  runsStarted,
  wakePlanner,
} from '../support/acting.ts';
import { measured, useReviewed } from '../support/acting-cases.ts';
import { actingFleet, streamOf } from '../support/acting-fleet.ts';
import { runsOf } from '../support/acts-of-persons.ts';
import { environmentOf } from '../support/bad-input.ts';
import { subscribe } from '../support/bus.ts';
import { hubOf } from '../support/readings.ts';
import { runCommand } from './oracle/command.ts';

const LIMIT_MS = 120_000;

/** Without a cool-down, so that only the count of failures stands between one attempt and the next. */
const fleet = () =>
  actingFleet([
    { name: 'flaky', pipeline: { faults: { failsFirst: 1 } } },
    { name: 'fixed', pipeline: { faults: { failsFirst: 3 } } },
    { name: 'broken', pipeline: { faults: { alwaysFails: true } } },
  ]);

describe('a pipeline that fails', () => {
  const installation = useReviewed(fleet);

  test(
    'once is tried again by a cascade of the next generation, for the same cause',
    async () => {
      const { context } = installation();
      await enforceOnly(installation(), ['flaky']);
      await rebuiltTimes(installation(), streamOf('flaky'), 2);
      const { causes } = await untilSettled(context, LIMIT_MS);

      const cascades = await cascadesOf('flaky');
      expect(new Set(cascades.map(({ cascadeId }) => cascadeId.split('-')[0])).size).toBe(1);
      const [first = 0, second = 0] = cascades.map(({ cascadeId }) => generationOf(cascadeId));
      expect(second).toBeGreaterThan(first);
      expect(await Promise.all(cascades.map((cascade) => executionOf(installation(), cascade)))).toMatchObject([
        { status: 'FAILED', error: 'CascadeIncomplete' },
        { status: 'SUCCEEDED' },
      ]);
      expect(await endsOf('flaky')).toEqual(['Failed', 'Succeeded']);
      expect(causes.find(({ stream }) => stream === streamOf('flaky'))).toMatchObject({ version: 1 });
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );

  test.each([
    ['fixed', ['fixed'], ['Failed', 'Failed', 'Failed', 'Succeeded']],
    ['broken', ['failed', 'failed', 'failed'], Array.from({ length: 6 }, () => 'Failed')],
  ])(
    'three times in a row is left alone, with an alarm, until a person resets it (%s)',
    async (app, afterwards, runs) => {
      const { context, cloud, deployment } = installation();
      const inbox = await subscribe(installation(), deployment.busArn, { 'detail-type': ['RebuildRefused'] });
      const before = await measured(installation(), 'AttemptsExhausted');
      await enforceOnly(installation(), [app]);
      await rebuiltTimes(installation(), streamOf(app), 3);
      await untilSettled(context, LIMIT_MS);

      expect((await rebuildsOf(installation(), streamOf(app))).map(({ attempt }) => attempt)).toEqual([3, 2, 1]);
      const answer = { answer: 'refuse', reason: 'attempts-exhausted', detail: expect.stringContaining('reset') };
      expect(await causeOf(installation(), streamOf(app))).toMatchObject({ state: 'open', answer });
      await inbox.until(() =>
        inbox.events.some(({ detail }) => detail.stream === streamOf(app) && detail.reason === answer.reason),
      );
      await eventually(
        async () => ((await measured(installation(), 'AttemptsExhausted')) > before ? true : undefined),
        'the measure',
        LIMIT_MS / 4,
      );
      expect(await measured(installation(), 'AttemptsExhausted')).toBe(before + 1);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);

      await cloud.admin.clearCalls();
      const cascades = (await cascadesIn(installation())).length;
      for (let wakeUp = 1; wakeUp <= 3; wakeUp += 1) await wakePlanner(installation());
      expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(context, LIMIT_MS);
      expect(await runsStarted(installation())).toBe(0);
      expect(await cascadesIn(installation())).toHaveLength(cascades);

      const words = ['reset', streamOf(app), '--reason', 'the pipeline was looked at', '--json'];
      const { code, stdout, stderr } = await runCommand('cli/main.ts', words, environmentOf(installation()));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ before: { failuresInARow: 3 }, after: { failuresInARow: 0 } });
      await wakePlanner(installation());
      await rebuiltTimes(installation(), streamOf(app), 3 + afterwards.length);
      await untilSettled(context, LIMIT_MS);

      const rebuilds = await rebuildsOf(installation(), streamOf(app));
      expect(rebuilds.slice(0, -3).map(({ outcome }) => outcome?.result)).toEqual(afterwards);
      expect(await endsOf(app)).toEqual(runs);
      const generations = (await cascadesOf(app)).map(({ cascadeId }) => generationOf(cascadeId));
      expect(generations).toEqual([...new Set(generations)].sort((one, other) => one - other));
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );

  test('is a metric of an alarm in the template', async () => {
    const { MetricAlarms = [] } = await new CloudWatchClient(hubOf(installation())).send(new DescribeAlarmsCommand({}));
    expect(MetricAlarms.filter(({ MetricName }) => MetricName === EXHAUSTED.MetricName)).toMatchObject([EXHAUSTED]);
  });

  /** Every cascade that worked on an application, in the order of their plans. */
  async function cascadesOf(app: string): Promise<Cascade[]> {
    const own = new Set((await rebuildsOf(installation(), streamOf(app))).map(({ cascadeId }) => cascadeId));
    return (await cascadesIn(installation())).filter(({ cascadeId }) => own.has(cascadeId));
  }

  /** How the runs of a pipeline ended, as CodePipeline tells. */
  const endsOf = async (app: string) => (await runsOf(installation().cloud, app)).map(([, status]) => status);
});

const EXHAUSTED = {
  Namespace: 'Patchwave',
  MetricName: 'AttemptsExhausted',
  Dimensions: [{ Name: 'service', Value: 'patchwave' }],
};
