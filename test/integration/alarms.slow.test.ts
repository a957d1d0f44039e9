import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteFunctionConcurrencyCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { loadFleet } from '../../local/fleet/load.ts';
import { deny, giveBack, passedUntil, queuesOf, RunbookRuns } from '../support/alarms.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';
import { documentedKeyPolicy } from '../support/runbook.ts';
import { type AlarmId, TRIED_ALARMS } from '../support/tried-alarms.ts';

const LIMIT_MS = 240_000;
const OUTAGE_MINUTES = 10;

describe('the planner', () => {
  const installation = useInstallation(() => loadFleet('local/fleet/small.json'), {
    keyPolicy: documentedKeyPolicy('us-east-1'),
  });
  const runs = new RunbookRuns(installation);
  const lambda = () => new LambdaClient(hubOf(installation()));
  const FunctionName = 'patchwave-cascade-plan';

  /** What happens to a message that wakes the planner, in minutes by the clock of queues and alarms. */
  async function outage(alarm: AlarmId, begin: () => Promise<unknown>, end: () => Promise<unknown>) {
    const queues = await queuesOf(installation());
    const isDone = async () => (await queues.count('PlanQueue')) === 0;
    const alarmSeconds = await runs.raise([alarm], 15, async () => {
      await begin();
      // The poller of a queue remembers for a moment what its role may do.
      await sleep(1_000);
      await queues.send('PlanQueue', '{}');
    });
    await passedUntil(installation(), Math.max(0, OUTAGE_MINUTES * 60 - alarmSeconds), async () => false);
    expect(await isDone()).toBe(false);
    let doneSeconds: number | undefined;
    await runs.end([alarm], 60, async () => {
      await end();
      doneSeconds = await passedUntil(installation(), 5 * 60, isDone);
    });
    return { alarmMinutes: alarmSeconds / 60, doneSeconds };
  }

  test(
    'that is throttled for ten minutes: an alarm within 15, the work within 5 after it is over',
    async () => {
      const { alarmMinutes, doneSeconds } = await outage(
        'FunctionThrottlesAlarm',
        () => lambda().send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 })),
        () => lambda().send(new DeleteFunctionConcurrencyCommand({ FunctionName })),
      );
      expect(alarmMinutes).toBeLessThanOrEqual(15);
      expect(doneSeconds).toBeLessThanOrEqual(5 * 60);
    },
    LIMIT_MS,
  );

  test(
    'that may not use its key: an alarm within 15 minutes, the work within 5 after it is over',
    async () => {
      const { alarmMinutes, doneSeconds } = await outage(
        'QueueStalledAlarm',
        () => deny(installation(), 'CascadePlanRole', ['kms:Decrypt']),
        () => giveBack(installation(), 'CascadePlanRole'),
      );
      expect(alarmMinutes).toBeLessThanOrEqual(15);
      expect(doneSeconds).toBeLessThanOrEqual(5 * 60);
    },
    LIMIT_MS,
  );

  test(
    'that fails: an alarm within 15 minutes, the work within 5 after it is over',
    async () => {
      const { alarmMinutes, doneSeconds } = await outage(
        'FunctionErrorsAlarm',
        () => deny(installation(), 'CascadePlanRole', ['dynamodb:*']),
        () => giveBack(installation(), 'CascadePlanRole'),
      );
      expect(alarmMinutes).toBeLessThanOrEqual(15);
      expect(doneSeconds).toBeLessThanOrEqual(5 * 60);
    },
    LIMIT_MS,
  );

  test('at the end none of these alarms is on', async () => {
    expect(runs.ended).toEqual([...TRIED_ALARMS['alarms.slow.test.ts']].sort());
    expect(await runs.lineage()).toEqual([]);
  });
});
