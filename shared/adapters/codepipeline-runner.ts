import {
  type ActionExecutionDetail,
  type CodePipelineClient,
  GetPipelineExecutionCommand,
  type PipelineExecution,
  type PipelineExecutionSummary,
  paginateListActionExecutions,
  paginateListPipelineExecutions,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import type { BuildStatus, RunnerExecution } from '../domain/cause/rebuild.ts';
import { DIGEST_VARIABLE, type Pipeline, pipelineKey } from '../domain/policy/pipeline.ts';
import { AnswerIncompleteError, RunnerUnreachableError } from '../ports/acting-errors.ts';
import type { BuildRequest, BuildStart, PipelineRunner } from '../ports/runner.ts';
import type { RegionalClients } from './clients.ts';
import { failureOf, outputOf, waitsForApproval } from './codepipeline-actions.ts';
import { isNamed, orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** The variables that a pipeline has to declare, each with a default: only V2 pipelines have any. */
const REBUILD_ID = 'PATCHWAVE_REBUILD_ID';
const NO_CACHE = 'PATCHWAVE_NO_CACHE';
const PULL = 'PATCHWAVE_PULL';

/** How far CodePipeline's clock may be behind ours, rounding included. */
const SKEW_MS = 60_000;
const RUNS_A_PAGE = 100;

/** Both say "not now", and CodePipeline starts nothing. */
const BUSY = ['ConcurrentPipelineExecutionsLimitExceededException', 'ConflictException'];
const GONE = ['PipelineNotFoundException', 'PipelineExecutionNotFoundException'];

/** AWS CodePipeline, called with the build role of the pipeline's account. */
export class CodePipelineRunner implements PipelineRunner {
  readonly #clients: RegionalClients<CodePipelineClient>;

  constructor(clients: RegionalClients<CodePipelineClient>) {
    this.#clients = clients;
  }

  /** The SDK's own retries repeat the token, so a lost answer starts no second run. */
  async start({ pipeline, rebuildId, token }: BuildRequest): Promise<BuildStart> {
    const command = new StartPipelineExecutionCommand({
      name: pipeline.name,
      clientRequestToken: token,
      variables: [
        { name: REBUILD_ID, value: rebuildId },
        { name: NO_CACHE, value: 'true' },
        { name: PULL, value: 'always' },
      ],
    });
    try {
      const { pipelineExecutionId: executionId } = await this.#send(pipeline, (client) => client.send(command));
      if (executionId !== undefined) return { outcome: 'started', executionId };
    } catch (error) {
      return notStarted(pipeline, error);
    }
    throw new AnswerIncompleteError('StartPipelineExecution', pipelineKey(pipeline), 'the id of a run');
  }

  async status({ pipeline, executionId }: RunnerExecution): Promise<BuildStatus> {
    try {
      return await this.#statusOf(pipeline, executionId);
    } catch (error) {
      if (!isNamed(error, ...GONE)) throw error;
      return { state: 'unknown', detail: `${error.name}: ${error.message}` };
    }
  }

  async find(pipeline: Pipeline, rebuildId: string, sinceEpochMs: number): Promise<string | undefined> {
    try {
      for await (const { pipelineExecutionId: id = '', startTime, trigger } of this.#runs(pipeline)) {
        if (startTime && startTime.getTime() < sinceEpochMs - SKEW_MS) return undefined;
        // Runs started by a commit, a schedule or a rollback are not ours.
        if ((trigger?.triggerType ?? 'StartPipelineExecution') !== 'StartPipelineExecution') continue;
        const { variables = [] } = await this.#execution(pipeline, id);
        if (variables.some(({ name, resolvedValue }) => name === REBUILD_ID && resolvedValue === rebuildId)) return id;
      }
    } catch (error) {
      if (!isNamed(error, 'PipelineNotFoundException')) throw error;
    }
    return undefined;
  }

  async #statusOf(pipeline: Pipeline, executionId: string): Promise<BuildStatus> {
    const { status, statusSummary } = await this.#execution(pipeline, executionId);
    const words = statusSummary ? { detail: statusSummary } : {};
    switch (status) {
      case 'Succeeded': {
        const variable = pipeline.digestVariable ?? DIGEST_VARIABLE;
        return { state: 'succeeded', ...words, ...outputOf(await this.#actions(pipeline, executionId), variable) };
      }
      case 'Failed': {
        const detail = [statusSummary, failureOf(await this.#actions(pipeline, executionId))].filter(Boolean);
        return { state: 'failed', ...(detail.length > 0 && { detail: detail.join('; ') }) };
      }
      // The definition of the pipeline was changed under the run.
      case 'Cancelled':
      case 'Stopped':
        return { state: 'stopped', ...words };
      case 'Superseded': {
        const supersededBy = await this.#nextAfter(pipeline, executionId);
        return { state: 'superseded', ...words, ...(supersededBy !== undefined && { supersededBy }) };
      }
      case 'InProgress': {
        const isWaiting = waitsForApproval(await this.#actions(pipeline, executionId));
        return { state: isWaiting ? 'waiting-approval' : 'running', ...words };
      }
      // `Stopping` is still running, and so may be new states of AWS: a run ends by a known state, or by its deadline.
      default:
        return { state: 'running', detail: [status, statusSummary].filter(Boolean).join(': ') };
    }
  }

  /**
   * A run is superseded by a later one that got further; if that was superseded too, the next one counts. One that had
   * already failed superseded none.
   */
  async #nextAfter(pipeline: Pipeline, executionId: string): Promise<string | undefined> {
    const later: PipelineExecutionSummary[] = [];
    for await (const run of this.#runs(pipeline)) {
      if (run.pipelineExecutionId === executionId)
        return later.findLast((one) => !gaveUpBefore(one, run))?.pipelineExecutionId;
      later.push(run);
    }
    return undefined;
  }

  /** Newest first. */
  async *#runs(pipeline: Pipeline) {
    const config = { client: this.#clients(pipeline), pageSize: RUNS_A_PAGE };
    const pages = paginateListPipelineExecutions(config, { pipelineName: pipeline.name });
    for await (const page of pagesOrUnreachable(pages, unreachable(pipeline))) {
      yield* page.pipelineExecutionSummaries ?? [];
    }
  }

  async #execution(pipeline: Pipeline, pipelineExecutionId: string): Promise<PipelineExecution> {
    const command = new GetPipelineExecutionCommand({ pipelineName: pipeline.name, pipelineExecutionId });
    const { pipelineExecution } = await this.#send(pipeline, (client) => client.send(command));
    if (pipelineExecution) return pipelineExecution;
    throw new AnswerIncompleteError('GetPipelineExecution', `${pipelineKey(pipeline)} ${pipelineExecutionId}`, 'a run');
  }

  async #actions(pipeline: Pipeline, pipelineExecutionId: string): Promise<readonly ActionExecutionDetail[]> {
    const config = { client: this.#clients(pipeline) };
    const filter = { pipelineExecutionId };
    const pages = paginateListActionExecutions(config, { pipelineName: pipeline.name, filter });
    const actions: ActionExecutionDetail[] = [];
    for await (const { actionExecutionDetails = [] } of pagesOrUnreachable(pages, unreachable(pipeline))) {
      actions.push(...actionExecutionDetails);
    }
    return actions;
  }

  #send<Result>(pipeline: Pipeline, call: (client: CodePipelineClient) => Promise<Result>): Promise<Result> {
    return orUnreachable(() => call(this.#clients(pipeline)), unreachable(pipeline));
  }
}

const GAVE_UP: readonly string[] = ['Failed', 'Stopped', 'Cancelled'];

const gaveUpBefore = (
  { status, lastUpdateTime }: PipelineExecutionSummary,
  superseded: PipelineExecutionSummary,
): boolean =>
  status !== undefined &&
  GAVE_UP.includes(status) &&
  lastUpdateTime !== undefined &&
  superseded.lastUpdateTime !== undefined &&
  lastUpdateTime < superseded.lastUpdateTime;

const unreachable =
  (pipeline: Pipeline) =>
  (cause: Error): Error =>
    new RunnerUnreachableError(pipeline, cause);

const TO_DO: Readonly<Record<string, string>> = {
  PipelineNotFoundException: 'Name an existing pipeline in the rule of the stream.',
  ValidationException: `Make it a V2 pipeline that declares ${REBUILD_ID}, ${NO_CACHE} and ${PULL}, each with a default.`,
};

function notStarted(pipeline: Pipeline, error: unknown): BuildStart {
  if (!(error instanceof Error)) throw error;
  const words = `${error.name}: ${error.message}`;
  if (BUSY.includes(error.name)) return { outcome: 'busy', detail: words };
  const toDo = TO_DO[error.name];
  if (toDo === undefined) throw error;
  return { outcome: 'refused', detail: `Pipeline ${pipelineKey(pipeline)} does not start: ${words}. ${toDo}` };
}
