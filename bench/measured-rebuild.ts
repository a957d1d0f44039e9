import { paginateListExecutions, paginateListMapRuns, SFNClient } from '@aws-sdk/client-sfn';
import { untilSettled } from '../local/acting.ts';
import { type Installation, install } from '../local/installation.ts';
import { actingFleet, streamOf } from '../test/support/acting-fleet.ts';
import { type MeasuredSpan, measure, ReviewFailedError, transitionsOf } from './measured-days.ts';
import { meterFunctions } from './metered-functions.ts';
import { askedRebuild, LoopFailedError } from './rebuild-times.ts';

const APP = 'web';
const STREAM = streamOf(APP);
const LIMIT_MS = 5 * 60_000;

export interface MeasuredRebuild {
  readonly rebuild: MeasuredSpan;
  readonly functionsByRole: ReadonlyMap<string, string>;
}

/** One rebuild of one stream that a person asked for: its plans, its cascade and its rollout. @throws LoopFailedError */
export async function measuredRebuild(): Promise<MeasuredRebuild> {
  await using installation = await install(actingFleet([{ name: APP, pipeline: { seconds: 5 } }]), { build: true });
  const functions = await meterFunctions(installation);
  try {
    const execution = await installation.review();
    if (execution.status !== 'SUCCEEDED') throw new ReviewFailedError(execution);
    await untilSettled(installation.context, LIMIT_MS);
    let cascadeId = '';
    const measured = await measure(installation, functions, async () => {
      ({ cascadeId } = await askedRebuild(installation, STREAM, 'its cost'));
    });
    const transitions = await transitionsOfCascade(installation, cascadeId);
    return { rebuild: { ...measured, transitions }, functionsByRole: functions.byRole };
  } finally {
    await functions.stop();
  }
}

/** Entered states of its execution and of the children of its maps, which are standard ones. */
async function transitionsOfCascade({ cloud, fleet, context }: Installation, cascadeId: string): Promise<number> {
  const executionArn = (await context.cascades.get(cascadeId))?.executionArn;
  if (executionArn === undefined) throw new LoopFailedError(`${cascadeId} has no execution`);
  const client = new SFNClient(cloud.clients(fleet.hub.account, fleet.hub.region));
  let entered = await transitionsOf(client, executionArn);
  for await (const { mapRuns = [] } of paginateListMapRuns({ client }, { executionArn })) {
    for (const { mapRunArn } of mapRuns) {
      for await (const { executions = [] } of paginateListExecutions({ client }, { mapRunArn })) {
        for (const child of executions) entered += await transitionsOf(client, child.executionArn ?? '');
      }
    }
  }
  return entered;
}
