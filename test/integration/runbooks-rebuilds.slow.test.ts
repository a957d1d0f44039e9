import { CodePipelineClient, StopPipelineExecutionCommand } from '@aws-sdk/client-codepipeline';
import { ECRClient, PutRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import {
  CreateClusterCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { untilSettled } from '../../local/acting.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { Digest, Registry } from '../../shared/domain/image/image.ts';
import {
  causeOf,
  enforceOnly,
  heldIn,
  lapseClosures,
  NOTHING_HELD,
  rebuildsOf,
  rebuiltTimes,
  runsStarted,
  standsOf,
  wakePlanner,
} from '../support/acting.ts';
import { ActingCases, useReviewed } from '../support/acting-cases.ts';
import { actingFleet, CLUSTER, HUB, streamOf, TEAM } from '../support/acting-fleet.ts';
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
const EVERYTHING = [{ filter: '*', filterType: 'WILDCARD' as const }];
/** Of the organization, and no scope of the policy at first. */
const UNLISTED = { account: '777788889999', region: TEAM.region } as const;

const scopeOf = ({ account, region }: Registry) => ({ account, regions: [region] });

const fleet = () =>
  actingFleet(
    [
      { name: 'repaired', pipeline: { faults: { failsFirst: 3 } } },
      { name: 'unscanned' },
      { name: 'undeployed', rule: { rollout: 'pipeline' } },
      { name: 'hanging', pipeline: { seconds: 3_600 } },
      { name: 'elsewhere' },
    ],
    { scopes: [HUB, TEAM].map(scopeOf) },
    { accounts: [{ id: UNLISTED.account, name: 'unlisted', regions: [UNLISTED.region] }] },
  );

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

  test(
    'WitnessDisagreesAlarm: an account that no scope lists runs the old image, until it is stopped',
    async () => {
      const { cloud } = installation();
      const ecs = new ECSClient(cloud.clients(UNLISTED.account, UNLISTED.region));
      const [old] = await cases.runningOf('elsewhere');
      await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
      const image = `${TEAM.account}.dkr.ecr.${TEAM.region}.amazonaws.com/apps/elsewhere@${old}`;
      const containerDefinitions = [{ name: 'app', image, memory: 64 }];
      const family = { family: 'elsewhere', containerDefinitions };
      const { taskDefinition } = await ecs.send(new RegisterTaskDefinitionCommand(family));
      const run = { cluster: CLUSTER, taskDefinition: taskDefinition?.taskDefinitionArn };
      const { tasks: [task] = [] } = await ecs.send(new RunTaskCommand(run));

      await runs.raise(['WitnessDisagreesAlarm'], 5, async () => {
        const { outcome } = await cases.rebuilt('elsewhere');
        expect(outcome).toMatchObject({ result: 'fixed' });
        const rules = [{ scanFrequency: 'CONTINUOUS_SCAN' as const, repositoryFilters: EVERYTHING }];
        const enhanced = new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules });
        await new ECRClient(cloud.clients(TEAM.account, TEAM.region)).send(enhanced);
        const rollout = { replaced: old as Digest, agoMs: 2 * DAY_SECONDS * 1000 };
        await lapseClosures(installation(), streamOf('elsewhere'), rollout);
        await succeeds();
        expect(await cases.closuresOf('elsewhere')).toMatchObject([
          { state: 'witness-disagrees', disagreement: { witnessed: [{ digest: old, count: 1 }] } },
        ]);
      });
      await runs.end(['WitnessDisagreesAlarm'], 240, async () => {
        await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: task?.taskArn }));
        await succeeds();
      });
    },
    LIMIT_MS,
  );

  test('at the end none of them is on', async () => {
    expect(runs.ended).toEqual([...TRIED_ALARMS['runbooks-rebuilds.slow.test.ts']].sort());
    expect(await runs.lineage()).toEqual([]);
  });
});
