import { CodePipelineClient, StopPipelineExecutionCommand } from '@aws-sdk/client-codepipeline';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { untilSettled } from '../../local/acting.ts';
import { eventually } from '../../local/cloud/probe.ts';
import {
  causeOf,
  enforceOnly,
  heldIn,
  NOTHING_HELD,
  rebuildsOf,
  rebuiltTimes,
  runsStarted,
  standsOf,
  wakePlanner,
} from '../support/acting.ts';
import { ActingCases, useReviewed } from '../support/acting-cases.ts';
import { actingFleet, CLUSTER, streamOf, TEAM } from '../support/acting-fleet.ts';
import { runsOf } from '../support/acts-of-persons.ts';
import { RunbookRuns } from '../support/alarms.ts';
import { environmentOf } from '../support/bad-input.ts';
import { TRIED_ALARMS } from '../support/tried-alarms.ts';
import { runCommand } from './oracle/command.ts';

const LIMIT_MS = 300_000;
const WAIT_MS = 90_000;
/** Longer than a verification waits here, and no longer than this test. */
const SLOW_SCAN_MS = 30_000;
const DAY_SECONDS = 86_400;

const fleet = () =>
  actingFleet([
    { name: 'repaired', pipeline: { faults: { failsFirst: 3 } } },
    { name: 'unscanned' },
    { name: 'undeployed', rule: { rollout: 'pipeline' } },
    { name: 'hanging', pipeline: { seconds: 3_600 } },
  ]);

/** The tests follow one another: each finds what the one before left. */
describe('each alarm of rebuilds goes off by what its runbook describes, and ends after its steps:', () => {
  const installation = useReviewed(fleet);
  const cases = new ActingCases(installation);
  const runs = new RunbookRuns(installation);
  const succeeds = async () => expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });

  /** `patchwave reset`, and the next wake-up of the planner. */
  const reset = async (app: string) => {
    const words = ['reset', streamOf(app), '--reason', 'the cause is corrected'];
    expect(await runCommand('cli/main.ts', words, environmentOf(installation()))).toMatchObject({ code: 0 });
    await wakePlanner(installation());
  };
  const lastOutcomeOf = async (app: string) => (await rebuildsOf(installation(), streamOf(app)))[0]?.outcome;

  test(
    'CascadeFailedAlarm and AttemptsExhaustedAlarm: a pipeline fails three times, until it is repaired',
    async () => {
      await runs.raise(['CascadeFailedAlarm', 'AttemptsExhaustedAlarm'], 5, async () => {
        await enforceOnly(installation(), ['repaired']);
        await rebuiltTimes(installation(), streamOf('repaired'), 3);
        await untilSettled(installation().context, WAIT_MS);
      });
      await runs.end(['CascadeFailedAlarm', 'AttemptsExhaustedAlarm'], 240, async () => {
        await reset('repaired');
        await rebuiltTimes(installation(), streamOf('repaired'), 4);
        await untilSettled(installation().context, WAIT_MS);
        expect(await lastOutcomeOf('repaired')).toMatchObject({ result: 'fixed' });
      });
    },
    LIMIT_MS,
  );

  test(
    'RebuildUnverifiedAlarm: a scan takes longer than the policy waits, until it is complete',
    async () => {
      const { cloud } = installation();
      await runs.raise(['RebuildUnverifiedAlarm'], 5, async () => {
        await cloud.admin.setRegistry({ ...TEAM, scanMs: SLOW_SCAN_MS });
        const { outcome } = await cases.rebuilt('unscanned', { verifyMinutes: 0.05 });
        expect(outcome).toMatchObject({ result: 'unverified' });
      });
      await runs.end(['RebuildUnverifiedAlarm'], 240, async () => {
        await cloud.admin.setRegistry({ ...TEAM, scanMs: 50 });
        await enforceOnly(installation(), ['unscanned']);
        await reset('unscanned');
        const cause = () => causeOf(installation(), streamOf('unscanned'));
        const stands = () => standsOf(installation(), streamOf('unscanned'));
        await eventually(
          async () => {
            await wakePlanner(installation());
            return (await cause())?.answer?.reason === 'closing' ? true : undefined;
          },
          'what was rebuilt is known to be free of the finding, and deployed',
          WAIT_MS,
          stands,
        );
        await untilSettled(installation().context, WAIT_MS);
        await eventually(
          async () => {
            await succeeds();
            return (await cause())?.state === 'closed' ? true : undefined;
          },
          'a review that finds nothing older',
          WAIT_MS,
          stands,
        );
      });
    },
    LIMIT_MS,
  );

  test(
    'ClosureOverdueAlarm: a team does not deploy what was rebuilt, until it does',
    async () => {
      const { cloud } = installation();
      await runs.raise(['ClosureOverdueAlarm'], 5, async () => {
        const { outcome } = await cases.rebuilt('undeployed', { closureHours: 1e-6 });
        expect(outcome).toMatchObject({ result: 'fixed' });
        await succeeds();
      });
      await runs.end(['ClosureOverdueAlarm'], 90, async () => {
        const ecs = new ECSClient(cloud.clients(TEAM.account, TEAM.region));
        await ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service: 'undeployed', forceNewDeployment: true }));
        await cloud.admin.setClockForward(600);
        await succeeds();
      });
    },
    LIMIT_MS,
  );

  test(
    'CascadeTimedOutAlarm: a build hangs for 20 days, until it is stopped',
    async () => {
      const { cloud } = installation();
      await runs.raise(['CascadeTimedOutAlarm'], 5, async () => {
        const before = await runsStarted(installation());
        await enforceOnly(installation(), ['hanging']);
        await eventually(
          async () => ((await runsStarted(installation())) > before ? true : undefined),
          'the build that hangs',
          WAIT_MS,
        );
        await cloud.admin.setClockForward(20 * DAY_SECONDS + 60);
      });
      await runs.end(['CascadeTimedOutAlarm'], 60, async () => {
        await enforceOnly(installation(), []);
        const pipelines = new CodePipelineClient(cloud.clients(TEAM.account, TEAM.region));
        for (const [pipelineExecutionId] of await runsOf(cloud, 'hanging'))
          await pipelines.send(
            new StopPipelineExecutionCommand({ pipelineName: 'hanging', pipelineExecutionId, abandon: true }),
          );
        await eventually(
          async () => {
            await wakePlanner(installation());
            const held = await heldIn(installation());
            return JSON.stringify(held) === JSON.stringify(NOTHING_HELD) ? true : undefined;
          },
          'what the cascade held',
          WAIT_MS,
        );
      });
    },
    LIMIT_MS,
  );

  test('at the end none of them is on', async () => {
    expect(runs.ended).toEqual([...TRIED_ALARMS['runbooks-rebuilds.slow.test.ts']].sort());
    expect(await runs.lineage()).toEqual([]);
  });
});
