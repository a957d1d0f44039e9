import {
  CodePipelineClient,
  ListPipelineExecutionsCommand,
  StartPipelineExecutionCommand,
  StopPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import { beforeAll } from '@jest/globals';
import type { PipelineJob } from '../../local/cloud/admin-types.ts';
import type { Cloud } from '../../local/cloud.ts';
import { pipelineClients } from '../../shared/adapters/clients.ts';
import { CodePipelineRunner } from '../../shared/adapters/codepipeline-runner.ts';
import type { Pipeline } from '../../shared/domain/policy/pipeline.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createRole } from '../support/member-role.ts';
import { type RunnerWorld, runnerContract } from './runner.contract.ts';

const ROLE = 'PatchwaveActBuild';
const MAY = [
  'codepipeline:StartPipelineExecution',
  'codepipeline:GetPipelineExecution',
  'codepipeline:ListPipelineExecutions',
  'codepipeline:ListActionExecutions',
];
const member = { runner: 'codepipeline', account: '444455556666', region: 'eu-west-1' } as const;
const VARIABLES = ['PATCHWAVE_REBUILD_ID', 'PATCHWAVE_NO_CACHE', 'PATCHWAVE_PULL'];

const cloud = useCloud();
let world: RunnerWorld;
beforeAll(async () => {
  await createRole(cloud(), member.account, ROLE, MAY);
  world = worldOf(cloud());
});

runnerContract(() => world);

test('starts whose answers are lost again and again are one run each', async () => {
  const pipeline = await world.newPipeline();
  await cloud().admin.setFaults({ seed: 5, failureRate: 0.6, afterRate: 1, operations: ['StartPipelineExecution'] });
  await cloud().admin.clearCalls();
  const ids: string[] = [];
  for (const rebuildId of ['rebuild-1', 'rebuild-2', 'rebuild-3', 'rebuild-4']) {
    const started = await world.runner.start({ pipeline, rebuildId, token: `${rebuildId}-a1` });
    if (started.outcome === 'started') ids.unshift(started.executionId);
  }
  await cloud().admin.endFaults();
  const calls = (await cloud().admin.calls()).filter(({ operation }) => operation === 'StartPipelineExecution');
  expect(calls.reduce((sum, { failed }) => sum + failed, 0)).toBeGreaterThan(0);
  const client = new CodePipelineClient(cloud().clients(pipeline.account, pipeline.region));
  const listed = await client.send(new ListPipelineExecutionsCommand({ pipelineName: pipeline.name }));
  expect(listed.pipelineExecutionSummaries?.map(({ pipelineExecutionId }) => pipelineExecutionId)).toEqual(ids);
}, 60_000);

let pipelines = 0;

function worldOf(running: Cloud): RunnerWorld {
  const client = ({ account, region }: Pipeline) => new CodePipelineClient(running.clients(account, region));
  const startByHand = async (pipeline: Pipeline) => {
    const { name } = pipeline;
    const { pipelineExecutionId = '' } = await client(pipeline).send(new StartPipelineExecutionCommand({ name }));
    return pipelineExecutionId;
  };
  const jobOf = jobsOf(running);
  return {
    runner: new CodePipelineRunner(pipelineClients(accessOf(running, ROLE))),
    unreachable: { ...member, account: '999999999999', name: 'build' },
    missing: { ...member, name: 'never-made' },
    now: () => Date.now(),
    newPipeline: async ({ takesVariables = true, approval = false } = {}) => {
      const pipeline = { ...member, name: `build-${++pipelines}` };
      const variables = takesVariables ? VARIABLES.map((name) => ({ name, default: 'none' })) : [];
      const { runner: _, ...declared } = pipeline;
      await running.admin.declarePipelines([{ ...declared, variables, ...(approval && { approval: 'before-build' }) }]);
      return pipeline;
    },
    startByHand,
    finish: async (pipeline, executionId, end) => {
      if (end.state === 'stopped') {
        const stop = { pipelineName: pipeline.name, pipelineExecutionId: executionId, abandon: true };
        await client(pipeline).send(new StopPipelineExecutionCommand(stop));
        return;
      }
      await running.admin.reportJob(await jobOf(executionId), {
        status: end.state === 'succeeded' ? 'Succeeded' : 'Failed',
        ...(end.state === 'succeeded' && end.output !== undefined && { outputVariables: { IMAGE_DIGEST: end.output } }),
        ...(end.state === 'failed' && { summary: 'the tests fail' }),
      });
    },
    // The approval is the first thing that the pipeline comes to.
    reachApproval: async () => undefined,
    // Another run builds; of those that wait behind it the newest is left.
    supersede: startByHand,
  };
}

/** Gives the job of a run; those of other tests, which never end, are taken on the way. */
function jobsOf(running: Cloud): (executionId: string) => Promise<PipelineJob> {
  const taken = new Map<string, PipelineJob>();
  return async (executionId) => {
    for (;;) {
      const job = taken.get(executionId) ?? (await running.admin.takeJob(2000));
      if (!job) throw new Error(`no job of run ${executionId} is there`);
      if (job.executionId === executionId) return job;
      taken.set(job.executionId, job);
    }
  };
}
