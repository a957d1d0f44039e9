/** What people do in the accounts of their teams while Patchwave acts there. */

import {
  CodePipelineClient,
  GetPipelineStateCommand,
  ListPipelineExecutionsCommand,
  PutApprovalResultCommand,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { eventually } from '../../local/cloud/probe.ts';
import type { Cloud } from '../../local/cloud.ts';
import { TEAM } from './acting-fleet.ts';

const clientOf = (cloud: Cloud) => new CodePipelineClient(cloud.clients(TEAM.account, TEAM.region));

/** Answers the approval that waits in a pipeline; waits for one where there is none yet. */
export async function approve(cloud: Cloud, pipelineName: string, status: 'Approved' | 'Rejected'): Promise<void> {
  const client = clientOf(cloud);
  const token = await eventually(
    async () => {
      const { stageStates = [] } = await client.send(new GetPipelineStateCommand({ name: pipelineName }));
      return stageStates.flatMap(({ actionStates = [] }) =>
        actionStates.flatMap((one) => one.latestExecution?.token ?? []),
      )[0];
    },
    `an approval that waits in ${pipelineName}`,
    30_000,
  );
  const result = { status, summary: `${status} by a person` };
  const where = { pipelineName, stageName: 'Approve', actionName: 'Approve' };
  await client.send(new PutApprovalResultCommand({ ...where, token, result }));
}

/** Starts a pipeline as a commit does; gives the id of the run. */
export async function runByHand(cloud: Cloud, name: string): Promise<string> {
  const { pipelineExecutionId = '' } = await clientOf(cloud).send(new StartPipelineExecutionCommand({ name }));
  return pipelineExecutionId;
}

/** How the runs of a pipeline ended, by their ids, the oldest first. */
export async function runsOf(cloud: Cloud, pipelineName: string): Promise<readonly (readonly [string, string])[]> {
  const { pipelineExecutionSummaries: runs = [] } = await clientOf(cloud).send(
    new ListPipelineExecutionsCommand({ pipelineName }),
  );
  return runs.map(({ pipelineExecutionId = '', status = '' }) => [pipelineExecutionId, status] as const).reverse();
}

const DENIAL = 'denied-by-its-owner';

/** Takes a permission away from a role of the team; `[]` gives all back. */
export async function denyRole(cloud: Cloud, RoleName: string, actions: readonly string[]): Promise<void> {
  const iam = new IAMClient(cloud.clients(TEAM.account, TEAM.region));
  if (actions.length === 0) {
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: DENIAL }));
    return;
  }
  const Statement = [{ Effect: 'Deny', Action: actions, Resource: '*' }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: DENIAL, PolicyDocument }));
}
