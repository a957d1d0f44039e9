/** What a rebuild's pipeline and scanner took, which is not Patchwave's own. */

import { CodePipelineClient, ListPipelineExecutionsCommand } from '@aws-sdk/client-codepipeline';
import type { Installation } from '../local/installation.ts';
import type { Cascade } from '../shared/domain/cascade.ts';
import type { Rebuild } from '../shared/domain/rebuild.ts';

/** The loop did not come to a verified image: there is nothing to measure. */
export class LoopFailedError extends Error {
  override readonly name = 'LoopFailedError';
}

/** @throws LoopFailedError where it goes on */
export async function endedCascade(
  { context }: Installation,
  cascadeId: string,
): Promise<Cascade & { endedAtEpochMs: number }> {
  const cascade = await context.cascades.get(cascadeId);
  if (cascade?.endedAtEpochMs === undefined) throw new LoopFailedError(`${cascadeId} has not ended`);
  return { ...cascade, endedAtEpochMs: cascade.endedAtEpochMs };
}

/** The pipeline execution of a rebuild, as CodePipeline tells it. */
export async function runOf(
  { cloud }: Installation,
  { pipeline, executionId }: Rebuild,
): Promise<{ readonly startedAtEpochMs: number; readonly endedAtEpochMs: number }> {
  const client = new CodePipelineClient(cloud.clients(pipeline.account, pipeline.region));
  const { pipelineExecutionSummaries = [] } = await client.send(
    new ListPipelineExecutionsCommand({ pipelineName: pipeline.name }),
  );
  const run = pipelineExecutionSummaries.find(({ pipelineExecutionId }) => pipelineExecutionId === executionId);
  if (!run?.startTime || !run.lastUpdateTime)
    throw new LoopFailedError(`${pipeline.name} does not know ${executionId}`);
  return { startedAtEpochMs: run.startTime.getTime(), endedAtEpochMs: run.lastUpdateTime.getTime() };
}

export async function buildMsOf(installation: Installation, rebuild: Rebuild): Promise<number> {
  const { startedAtEpochMs, endedAtEpochMs } = await runOf(installation, rebuild);
  return endedAtEpochMs - startedAtEpochMs;
}

/** From its request to its end, as the ledger tells it; of an output of several images the scan that took longest. */
export async function scanMsOf({ context }: Installation, { output, rebuildId }: Rebuild): Promise<number> {
  if (output === undefined) throw new LoopFailedError(`${rebuildId} has no output`);
  const scan = (await context.images.get([output])).get(output)?.scan;
  if (scan?.completedAtEpochMs === undefined || scan.requestedAtEpochMs === undefined)
    throw new LoopFailedError(`${output} was not scanned: ${JSON.stringify(scan)}`);
  return scan.completedAtEpochMs - scan.requestedAtEpochMs;
}
