import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteFunctionConcurrencyCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { loadFleet } from '../../local/fleet/load.ts';
import { deny, ends, giveBack, goesOff, passedUntil, queuesOf } from '../support/alarms.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';

const LIMIT_MS = 240_000;
const OUTAGE_MINUTES = 10;
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11112222-3333-4444-5555-666677778888';

describe('the planner', () => {
  const installation = useInstallation(() => loadFleet('local/fleet/small.json'), {
    parameters: { KmsKeyArn: KEY },
  });
  const lambda = () => new LambdaClient(hubOf(installation()));
  const FunctionName = 'patchwave-cascade-plan';

  /** What happens to a message that wakes the planner, in minutes by the clock of queues and alarms. */
  async function outage(alarm: string, begin: () => Promise<unknown>, end: () => Promise<unknown>) {
    const queues = await queuesOf(installation());
    const isDone = async () => (await queues.count('PlanQueue')) === 0;
    await begin();
    // The poller of a queue remembers for a moment what its role may do.
    await sleep(1_000);
    await queues.send('PlanQueue', '{}');
    const alarmMinutes = await goesOff(installation(), alarm, 15);
    await passedUntil(installation(), Math.max(0, OUTAGE_MINUTES - alarmMinutes) * 60, async () => false);
    expect(await isDone()).toBe(false);
    await end();
    const doneSeconds = await passedUntil(installation(), 5 * 60, isDone);
    const endMinutes = await ends(installation(), alarm);
    return { alarmMinutes, doneSeconds, endMinutes };
  }

  test(
    'that is throttled for ten minutes: an alarm within 15, the work within 5 after it is over',
    async () => {
      const { alarmMinutes, doneSeconds } = await outage(
        'function-throttles',
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
        'queue-stalled',
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
        'function-errors',
        () => deny(installation(), 'CascadePlanRole', ['dynamodb:*']),
        () => giveBack(installation(), 'CascadePlanRole'),
      );
      expect(alarmMinutes).toBeLessThanOrEqual(15);
      expect(doneSeconds).toBeLessThanOrEqual(5 * 60);
    },
    LIMIT_MS,
  );
});
