import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { KMSClient, ListKeysCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { InvokeCommand, LambdaClient, PutFunctionRecursionConfigCommand } from '@aws-sdk/client-lambda';
import {
  GetScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { beforeAll } from '@jest/globals';
import { eventually } from '../../local/cloud/probe.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import { wakePlanner } from '../support/acting.ts';
import { denyRole } from '../support/acts-of-persons.ts';
import { deny, giveBack, passedUntil, type Queues, queuesOf, RunbookRuns } from '../support/alarms.ts';
import { useInstallation } from '../support/installation.ts';
import { READ_ROLE } from '../support/member-role.ts';
import { hubOf } from '../support/readings.ts';
import { documentedKeyPolicy, runDocumented } from '../support/runbook.ts';
import { TRIED_ALARMS } from '../support/tried-alarms.ts';

const LIMIT_MS = 240_000;
/** What a letter needs that an asynchronous call leaves after its third try. */
const LETTER_LIMIT_MS = 60_000;
/** A message that failed is hidden no longer than this. */
const LONGEST_HIDDEN_SECONDS = 185;
const MOST_TRIES = 80;
const WORK_MS = 400;
const LOOKED_MS = 8_000;
const REGION = 'us-east-1';
const KEY_POLICY = documentedKeyPolicy(REGION);
const LOOK = 'patchwave-protection';

/** A sample of an event, as of the Region of the hub. */
const sample = (name: string): string =>
  readFileSync(new URL(`../../events/${name}`, import.meta.url), 'utf8').replaceAll('eu-west-1', REGION);

/** Queues with a function behind them: name, role of the function, an event, and how its dead letters are dealt with. */
const QUEUES = [
  ['ScanEvent', 'PolicyEvaluationRole', 'aws.ecr.ecr-image-scan.complete.json'],
  ['RegistryEvent', 'RegistryEventsRole', 'aws.ecr.ecr-image-action.pushed.json'],
  ['HeadEvent', 'LineageRole', 'patchwave.head-moved.moved.json'],
  ['Plan', 'CascadePlanRole', 'patchwave.policy-changed.first.json'],
  ['BuildEvent', 'BuildResultRole', 'aws.codepipeline.code-pipeline-pipeline-execution-state-change.succeeded.json'],
  ['CascadeEnd', 'CascadeReaperRole', 'aws.states.step-functions-execution-status-change.cascade-failed.json'],
] as const;
const DEAD_LETTERS = QUEUES.map(([name]) => `${name}DeadLettersAlarm` as const);

/** The tests follow one another: each finds what the one before left. */
describe('each alarm of queues and functions goes off by what its runbook describes, and ends after its steps:', () => {
  const installation = useInstallation(() => loadFleet('local/fleet/small.json'), {
    mode: 'report-only',
    keyPolicy: KEY_POLICY,
    parameters: { GradualDeployment: 'true' },
  });
  const runs = new RunbookRuns(installation);
  const forward = (seconds: number) => installation().cloud.admin.setClockForward(seconds);
  let queues: Queues;
  beforeAll(async () => {
    queues = await queuesOf(installation());
    expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
  }, LIMIT_MS);

  const sendToAll = async () => {
    for (const [name, role, event] of QUEUES) {
      await deny(installation(), role, ['dynamodb:*']);
      await queues.send(`${name}Queue`, sample(event));
    }
  };
  const giveAllBack = async () => {
    for (const [, role] of QUEUES) await giveBack(installation(), role);
  };
  const total = async (ids: readonly string[], count: (id: string) => Promise<number>): Promise<number> =>
    (await Promise.all(ids.map(count))).reduce((sum, one) => sum + one, 0);
  const SOURCES = QUEUES.map(([name]) => `${name}Queue`);
  const LETTERS = QUEUES.map(([name]) => `${name}DeadLetters`);
  const areDone = async () => (await total([...SOURCES, ...LETTERS], (id) => queues.count(id))) === 0;
  /** Waits for a dead letter that comes by the machine's own clock. */
  const letterIn = (id: string) =>
    eventually(async () => ((await queues.count(id)) > 0 ? true : undefined), `a message in ${id}`, LETTER_LIMIT_MS);

  /** Changes the policy, which is announced on the bus. */
  const changePolicy = async () => {
    const { context } = installation();
    const { version: replaces, policy } = await context.policies.current();
    const guards = { ...policy.guards, coolDownMinutes: policy.guards.coolDownMinutes + 1 };
    await context.policies.publish({ ...policy, guards }, { author: 'a test', atEpochMs: Date.now(), replaces });
  };

  /** Lets every message be tried until it is set aside: the clock goes on once each was taken. */
  async function untilSetAside(): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      await eventually(
        async () => ((await total(SOURCES, (id) => queues.visible(id))) === 0 ? true : undefined),
        'that every message is taken',
        LETTER_LIMIT_MS,
      );
      if ((await Promise.all(LETTERS.map((id) => queues.count(id)))).every((count) => count > 0)) return;
      await forward(LONGEST_HIDDEN_SECONDS);
      await sleep(WORK_MS);
    }
    throw new Error(`not every queue has set its message aside after ${MOST_TRIES} tries`);
  }

  test(
    'DeploymentErrorsAlarm: functions of queues fail at once, until the cause is corrected',
    async () => {
      await runs.raise(['DeploymentErrorsAlarm'], 2, async () => {
        await sendToAll();
        // They fail by the machine's own clock, and again after 15 seconds.
        await runs.stands('DeploymentErrorsAlarm', LETTER_LIMIT_MS);
      });
      await runs.end(['DeploymentErrorsAlarm'], 60, giveAllBack);
      expect(await passedUntil(installation(), 5 * 60, areDone)).toBeDefined();
    },
    LIMIT_MS,
  );

  test(
    'dead letters of functions that always fail, which are redriven once the cause is corrected',
    async () => {
      await runs.raise(DEAD_LETTERS, 2, async () => {
        await sendToAll();
        await untilSetAside();
      });
      const [letter] = JSON.parse(await runDocumented(installation(), 'receive-message')).Messages;
      expect(JSON.parse(letter.Body)).toMatchObject({ 'detail-type': 'ECR Image Scan' });
      await runs.end(DEAD_LETTERS, 60, async () => {
        await giveAllBack();
        await runDocumented(installation(), 'start-message-move-task');
        for (const name of ['RegistryEvent', 'HeadEvent', 'BuildEvent', 'CascadeEnd'])
          await queues.redrive(`${name}DeadLetters`, `${name}Queue`);
        await queues.purge('PlanDeadLetters');
        await wakePlanner(installation());
        expect(await passedUntil(installation(), 5 * 60, areDone)).toBeDefined();
      });
    },
    LIMIT_MS,
  );

  test.each(['ScanEvent', 'RegistryEvent', 'CheckRequest', 'HeadEvent', 'BuildEvent'] as const)(
    '%sDeadLettersAlarm: a message that can never be read, which is purged',
    async (name) => {
      await runs.raise([`${name}DeadLettersAlarm`], 2, async () => {
        await queues.send(`${name}Queue`, 'not even JSON');
        const isSetAside = async () => (await queues.count(`${name}DeadLetters`)) > 0;
        expect(await passedUntil(installation(), 5 * 60, isSetAside)).toBeDefined();
      });
      await runs.end([`${name}DeadLettersAlarm`], 60, async () => {
        if (name === 'ScanEvent') await runDocumented(installation(), 'purge-queue');
        else await queues.purge(`${name}DeadLetters`);
      });
    },
    LIMIT_MS,
  );

  test(
    'OutboxStalledAlarm and AnnouncementDeadLettersAlarm: the outbox may put no events on the bus, until it may again',
    async () => {
      await runs.raise(['OutboxStalledAlarm'], 5, async () => {
        await deny(installation(), 'LedgerEventsRole', ['events:PutEvents']);
        await changePolicy();
        // It tries by the machine's clock; the age of what it is handed goes by the clock of alarms.
        await passedUntil(installation(), 60, async () => false);
        await forward(11 * 60);
      });
      await runs.raise(['AnnouncementDeadLettersAlarm'], 60, () => letterIn('AnnouncementDeadLetters'));
      await runs.end(['OutboxStalledAlarm', 'AnnouncementDeadLettersAlarm'], 60, async () => {
        await giveBack(installation(), 'LedgerEventsRole');
        await queues.purge('AnnouncementDeadLetters');
      });
    },
    LIMIT_MS,
  );

  test(
    'ReviewDeadLettersAlarm: Scheduler may not start the review, until it may again',
    async () => {
      const scheduler = new SchedulerClient(hubOf(installation()));
      const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({}));
      const [found] = Schedules.filter(({ Target }) => Target?.Arn === installation().deployment.fleetReviewMachineArn);
      const { Name, GroupName, Target, FlexibleTimeWindow, ScheduleExpression } = await scheduler.send(
        new GetScheduleCommand({ Name: found?.Name, GroupName: found?.GroupName }),
      );
      const change = (State: 'ENABLED' | 'DISABLED', expression = ScheduleExpression) =>
        scheduler.send(
          new UpdateScheduleCommand({
            ...{ Name, GroupName, Target, FlexibleTimeWindow, State, ScheduleExpression: expression },
          }),
        );
      await runs.raise(['ReviewDeadLettersAlarm'], 2, async () => {
        await deny(installation(), 'FleetReviewMachineDailyRole', ['states:StartExecution']);
        await change('ENABLED', `at(${new Date(Date.now() + 2_000).toISOString().slice(0, 19)})`);
        await letterIn('ReviewDeadLetters');
      });
      await runs.end(['ReviewDeadLettersAlarm'], 60, async () => {
        await giveBack(installation(), 'FleetReviewMachineDailyRole');
        await change('DISABLED');
        expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
        await queues.purge('ReviewDeadLetters');
      });
    },
    LIMIT_MS,
  );

  test(
    'ProtectionDeadLettersAlarm: a read role without permission for lifecycle policies, until it is updated',
    async () => {
      const look = () =>
        new LambdaClient(hubOf(installation())).send(
          new InvokeCommand({ FunctionName: LOOK, Qualifier: 'live', InvocationType: 'Event' }),
        );
      await runs.raise(['ProtectionDeadLettersAlarm'], 2, async () => {
        await denyRole(installation().cloud, READ_ROLE, ['ecr:GetLifecyclePolicy']);
        await look();
        await letterIn('ProtectionDeadLetters');
      });
      await runs.end(['ProtectionDeadLettersAlarm'], 60, async () => {
        await denyRole(installation().cloud, READ_ROLE, []);
        await look();
        // The look is over by then, its second and third try too if it left something out.
        await sleep(LOOKED_MS);
        expect(await queues.count('ProtectionDeadLetters')).toBe(1);
        await queues.purge('ProtectionDeadLetters');
      });
    },
    LIMIT_MS,
  );

  test(
    'BusDeadLettersAlarm: the policy of the key does not name EventBridge, until it does again',
    async () => {
      const kms = new KMSClient(hubOf(installation()));
      const { Keys = [] } = await kms.send(new ListKeysCommand({}));
      const [KeyId] = Keys.map(({ KeyArn }) => KeyArn);
      const put = (Policy: string) => kms.send(new PutKeyPolicyCommand({ KeyId, Policy }));
      await runs.raise(['BusDeadLettersAlarm'], 2, async () => {
        await put(KEY_POLICY.replace('"events.amazonaws.com", ', ''));
        await changePolicy();
        await letterIn('BusDeadLetters');
      });
      await runs.end(['BusDeadLettersAlarm'], 60, async () => {
        await put(KEY_POLICY);
        expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
        await queues.purge('BusDeadLetters');
      });
    },
    LIMIT_MS,
  );

  test(
    'RecursiveInvocationsAlarm: the planner may not run in a loop, until the stack is deployed again',
    async () => {
      const FunctionName = 'patchwave-cascade-plan';
      const lambda = new LambdaClient(hubOf(installation()));
      const set = (RecursiveLoop: 'Allow' | 'Terminate') =>
        lambda.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop }));
      const deep = new LambdaClient(hubOf(installation()));
      deep.middlewareStack.add(
        (next) => (args) => {
          (args.request as { headers: Record<string, string> }).headers['x-ministack-invoke-depth'] = '17';
          return next(args);
        },
        { step: 'build' },
      );
      const wake = () => deep.send(new InvokeCommand({ FunctionName, Payload: '{"Records":[]}' }));
      await runs.raise(['RecursiveInvocationsAlarm'], 2, async () => {
        await set('Terminate');
        await expect(wake()).rejects.toThrow(/recursive/);
      });
      await runs.end(['RecursiveInvocationsAlarm'], 60, async () => {
        await set('Allow');
        await wake();
      });
    },
    LIMIT_MS,
  );

  test('at the end none of them is on', async () => {
    expect(runs.ended).toEqual([...TRIED_ALARMS['runbooks-queues.slow.test.ts']].sort());
    expect(await runs.lineage()).toEqual([]);
  });
});
