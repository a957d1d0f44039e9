/** Rebuilds that a benchmark asks for, and what their pipeline and scanner took, which is not Patchwave's own. */

import { setTimeout as sleep } from 'node:timers/promises';
import { CodePipelineClient, ListPipelineExecutionsCommand } from '@aws-sdk/client-codepipeline';
import { untilSettled } from '../local/acting.ts';
import type { Installation } from '../local/installation.ts';
import type { Cascade } from '../shared/domain/cause/cascade.ts';
import { ASKED_BY_PERSON, mergeCause } from '../shared/domain/cause/cause.ts';
import type { Rebuild } from '../shared/domain/cause/rebuild.ts';

const LIMIT_MS = 5 * 60_000;
const POLL_MS = 200;

/** The loop did not come to a verified image: there is nothing to measure. */
export class LoopFailedError extends Error {
  override readonly name = 'LoopFailedError';
}

/** Asks for a rebuild as a person does, and waits until its cascade has ended. @throws LoopFailedError after 5 minutes */
export async function askedRebuild(installation: Installation, stream: string, reason: string): Promise<Rebuild> {
  const { context } = installation;
  const before = await latestRebuild(installation, stream);
  const request = { kind: 'person', ruleId: ASKED_BY_PERSON, by: 'bench', reason } as const;
  await context.causes.change(stream, (cause) =>
    mergeCause(stream, cause, [{ ...request, sinceEpochMs: context.clock() }]),
  );
  for (const giveUpAtMs = Date.now() + LIMIT_MS; Date.now() < giveUpAtMs; await sleep(POLL_MS)) {
    const now = await latestRebuild(installation, stream);
    if (now.rebuildId === before.rebuildId || now.outcome === undefined) continue;
    await untilSettled(context, LIMIT_MS);
    // Its end is written after its outcome.
    return latestRebuild(installation, stream);
  }
  throw new LoopFailedError(`the requested rebuild of ${stream} did not end: ${reason}`);
}

/** @throws LoopFailedError where there is none */
export async function latestRebuild({ context }: Installation, stream: string): Promise<Rebuild> {
  const [rebuild] = await context.rebuilds.latest(stream, 1);
  if (!rebuild) throw new LoopFailedError(`${stream} was not rebuilt`);
  return rebuild;
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

/** The pipeline execution of a rebuild, as CodePipeline reports it. */
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
    throw new LoopFailedError(`${pipeline.name} has no execution ${executionId}`);
  return { startedAtEpochMs: run.startTime.getTime(), endedAtEpochMs: run.lastUpdateTime.getTime() };
}

export async function buildMsOf(installation: Installation, rebuild: Rebuild): Promise<number> {
  const { startedAtEpochMs, endedAtEpochMs } = await runOf(installation, rebuild);
  return endedAtEpochMs - startedAtEpochMs;
}

/** From the request of a scan to its end, by the ledger; for an output of several images, the longest scan. */
export async function scanMsOf({ context }: Installation, { output, rebuildId }: Rebuild): Promise<number> {
  if (output === undefined) throw new LoopFailedError(`${rebuildId} has no output`);
  const scan = (await context.images.get([output])).get(output)?.scan;
  if (scan?.completedAtEpochMs === undefined || scan.requestedAtEpochMs === undefined)
    throw new LoopFailedError(`${output} was not scanned: ${JSON.stringify(scan)}`);
  return scan.completedAtEpochMs - scan.requestedAtEpochMs;
}
