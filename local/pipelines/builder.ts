/** Does the work of the embedded cloud's pipelines: takes a job, builds or deploys for real, reports how it ended. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ECSClient } from '@aws-sdk/client-ecs';
import { RegistryClient } from '../builds/registry.ts';
import { CloudAdmin } from '../cloud/admin-client.ts';
import type { PipelineJob, PipelineReport } from '../cloud/admin-types.ts';
import { clientsAt } from '../cloud.ts';
import { type BuildOrder, type BuildTools, buildStream } from './build-stream.ts';
import { NO_REBUILD, type PipelineDefinition, REBUILD_VARIABLE, repositoryUri, tagsOf } from './definition.ts';
import { deployService } from './deploy-service.ts';
import { buildProject } from './project-build.ts';

/** How long one question for work stays open. */
const WAIT_MS = 20_000;
/** The output variable in which the deployment finds the built digest, independent of the pipeline's own report. */
const BUILT = 'BuiltDigest';

/** Makes the image of a pipeline and pushes it; gives the digest that its tags then stand for. */
export type StreamBuild = (tools: BuildTools, order: BuildOrder) => Promise<string>;

/** What does the builds: of the pipelines of a fleet, and of those that a template declares. */
export interface Builds {
  readonly stream: StreamBuild;
  readonly project: typeof buildProject;
}

/**
 * Works until the cloud at the endpoint is gone, which is the builder's way to end. All that waits to be done is done at
 * once, as by pipelines that have machines of their own: how many there are is for the caps to say.
 */
export async function runBuilder(endpoint: string, builds: Partial<Builds> = {}): Promise<void> {
  const admin = new CloudAdmin(endpoint);
  const all: Builds = { stream: buildStream, project: buildProject, ...builds };
  const underWay = new Set<Promise<void>>();
  await untilGone(async () => {
    for (;;) {
      const job = await again(() => admin.takeJob(WAIT_MS));
      if (job === undefined) continue;
      const done = untilGone(() => work(admin, endpoint, job, all)).finally(() => underWay.delete(done));
      underWay.add(done);
    }
  });
  await Promise.all(underWay);
}

async function work(admin: CloudAdmin, endpoint: string, job: PipelineJob, builds: Builds): Promise<void> {
  const outcome = await outcomeOf(admin, endpoint, job, builds);
  await again(() => admin.reportJob(job, outcome));
}

async function untilGone(task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!isUnanswered(error)) throw error;
  }
}

/** Once more where no answer came: a kept connection may have been closed just then. Twice: the cloud is gone. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    return await ask();
  }
}

/** The errors of fetch for an endpoint without a listener, or one that closed the connection. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof TypeError && ['fetch failed', 'terminated'].includes(error.message);

async function outcomeOf(
  admin: CloudAdmin,
  endpoint: string,
  job: PipelineJob,
  builds: Builds,
): Promise<PipelineReport> {
  try {
    const { build: project } = job;
    if (project && 'denied' in project) return { status: 'Failed', summary: project.denied };
    if (project) return await builds.project({ endpoint, archive: admin, nowEpochMs: Date.now() }, job, project);
    return job.stage === 'Build' ? await runBuild(admin, endpoint, job, builds.stream) : await deploy(endpoint, job);
  } catch (error) {
    // The cloud reports a failed build as an outcome, for any reason.
    return { status: 'Failed', summary: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

async function runBuild(
  admin: CloudAdmin,
  endpoint: string,
  job: PipelineJob,
  build: StreamBuild,
): Promise<PipelineReport> {
  const definition = job.definition as PipelineDefinition;
  const { faults, digestVariable, seconds } = definition;
  await sleep(seconds * 1000);
  if (faults.alwaysFails || job.number <= faults.failsFirst) {
    return { status: 'Failed', summary: 'The unit tests of the application fail' };
  }
  if (faults.pushesNothing) return { status: 'Succeeded' };
  const tools = { registry: new RegistryClient(endpoint), archive: admin };
  const digest = await build(tools, orderOf(job, definition));
  const outputVariables = faults.noOutput ? {} : { [digestVariable]: digest };
  return {
    status: 'Succeeded',
    outputVariables: definition.deploys.length > 0 ? { ...outputVariables, [BUILT]: digest } : outputVariables,
  };
}

function orderOf(job: PipelineJob, definition: PipelineDefinition): BuildOrder {
  const rebuildId = job.variables[REBUILD_VARIABLE];
  const isAsked = rebuildId !== undefined && rebuildId !== NO_REBUILD && !definition.faults.noLabel;
  return {
    definition,
    tags: tagsOf(definition, job.number),
    nowEpochMs: Date.now(),
    ...(isAsked && { rebuildId }),
  };
}

async function deploy(endpoint: string, job: PipelineJob): Promise<PipelineReport> {
  const definition = job.definition as PipelineDefinition;
  const digest = job.outputs[BUILT];
  if (digest === undefined) return { status: 'Failed', summary: 'The previous build pushed nothing to deploy' };
  const pushed = { repositoryUri: repositoryUri(definition.image), digest, tags: tagsOf(definition, job.number) };
  for (const service of definition.deploys) {
    const ecs = new ECSClient(clientsAt(endpoint)(service.account, service.region));
    try {
      await deployService(ecs, service, pushed);
    } finally {
      ecs.destroy();
    }
  }
  return { status: 'Succeeded' };
}
