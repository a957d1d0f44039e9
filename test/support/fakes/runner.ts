import { type BuildStatus, isTerminal, type RunnerExecution } from '../../../shared/domain/cause/rebuild.ts';
import { type Pipeline, pipelineKey } from '../../../shared/domain/policy/pipeline.ts';
import { RunnerUnreachableError } from '../../../shared/ports/acting-errors.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { BuildRequest, BuildStart, PipelineRunner } from '../../../shared/ports/runner.ts';
import { copied } from './copied.ts';

interface Run {
  readonly executionId: string;
  readonly startedAtEpochMs: number;
  /** Absent where somebody else started it. */
  readonly rebuildId?: string;
  status: BuildStatus;
}

interface Kept {
  /** Oldest first. */
  readonly runs: Run[];
  readonly byToken: Map<string, Run>;
  readonly atOnce: number;
  readonly takesVariables: boolean;
}

type End = Omit<BuildStatus, 'state'> & { readonly state: 'succeeded' | 'failed' | 'stopped' };

/** How far the runner's clock may be behind ours. */
const SKEW_MS = 60_000;

/** Pipelines in memory whose runs end when a test says so. */
export class FakeRunner implements PipelineRunner {
  readonly #clock: Clock;
  readonly #pipelines = new Map<string, Kept>();
  readonly #denied = new Set<string>();
  readonly #asked = new Map<string, number>();
  #runs = 0;
  /** Every run that was really started for a rebuild, in order. */
  readonly started: (BuildRequest & { readonly executionId: string })[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A pipeline that takes at most `atOnce` runs, and the variables of a rebuild. */
  create(pipeline: Pipeline, { atOnce = Number.POSITIVE_INFINITY, takesVariables = true } = {}): this {
    this.#pipelines.set(pipelineKey(pipeline), { runs: [], byToken: new Map(), atOnce, takesVariables });
    return this;
  }

  remove(pipeline: Pipeline): this {
    this.#pipelines.delete(pipelineKey(pipeline));
    return this;
  }

  /** From now on the build role cannot be assumed. */
  deny({ account, region }: Pick<Pipeline, 'account' | 'region'>): this {
    this.#denied.add(`${account}/${region}`);
    return this;
  }

  allow({ account, region }: Pick<Pipeline, 'account' | 'region'>): this {
    this.#denied.delete(`${account}/${region}`);
    return this;
  }

  /** Tokens are remembered for a while only. */
  forgetTokens(pipeline: Pipeline): this {
    this.#pipelines.get(pipelineKey(pipeline))?.byToken.clear();
    return this;
  }

  /** A run that a person or a commit started. */
  startByHand(pipeline: Pipeline): string {
    return this.#begin(this.#get(pipeline), {}).executionId;
  }

  finish(pipeline: Pipeline, executionId: string, end: End): this {
    this.#run(pipeline, executionId).status = copied(end);
    return this;
  }

  waitForApproval(pipeline: Pipeline, executionId: string): this {
    this.#run(pipeline, executionId).status = { state: 'waiting-approval' };
    return this;
  }

  /** Its person let it go on. */
  approve(pipeline: Pipeline, executionId: string): this {
    this.#run(pipeline, executionId).status = { state: 'running' };
    return this;
  }

  /** A later run takes the place of this one; gives its id. */
  supersede(pipeline: Pipeline, executionId: string): string {
    const run = this.#run(pipeline, executionId);
    const supersededBy = this.startByHand(pipeline);
    run.status = { state: 'superseded', supersededBy };
    return supersededBy;
  }

  async start(request: BuildRequest): Promise<BuildStart> {
    const { pipeline, rebuildId, token } = request;
    this.#check(pipeline);
    const kept = this.#pipelines.get(pipelineKey(pipeline));
    if (!kept) return { outcome: 'refused', detail: 'PipelineNotFoundException: there is no such pipeline' };
    if (!kept.takesVariables) return { outcome: 'refused', detail: 'ValidationException: a variable is not declared' };
    const same = kept.byToken.get(token);
    if (same) return { outcome: 'started', executionId: same.executionId };
    if (kept.runs.filter(({ status }) => !isTerminal(status.state)).length >= kept.atOnce) {
      return { outcome: 'busy', detail: 'ConcurrentPipelineExecutionsLimitExceededException: too many runs' };
    }
    const run = this.#begin(kept, { rebuildId });
    kept.byToken.set(token, run);
    this.started.push({ ...request, executionId: run.executionId });
    return { outcome: 'started', executionId: run.executionId };
  }

  /** How often somebody asked what became of a run. */
  asked(executionId: string): number {
    return this.#asked.get(executionId) ?? 0;
  }

  async status({ pipeline, executionId }: RunnerExecution): Promise<BuildStatus> {
    this.#asked.set(executionId, this.asked(executionId) + 1);
    this.#check(pipeline);
    const run = this.#pipelines.get(pipelineKey(pipeline))?.runs.find((one) => one.executionId === executionId);
    return run
      ? copied(run.status)
      : { state: 'unknown', detail: 'PipelineExecutionNotFoundException: there is no such run' };
  }

  async find(pipeline: Pipeline, rebuildId: string, sinceEpochMs: number): Promise<string | undefined> {
    this.#check(pipeline);
    const runs = this.#pipelines.get(pipelineKey(pipeline))?.runs ?? [];
    return runs.findLast((run) => run.rebuildId === rebuildId && run.startedAtEpochMs >= sinceEpochMs - SKEW_MS)
      ?.executionId;
  }

  #begin(kept: Kept, of: { readonly rebuildId?: string }): Run {
    const executionId = `00000000-0000-4000-8000-${String(++this.#runs).padStart(12, '0')}`;
    const run: Run = { ...of, executionId, startedAtEpochMs: this.#clock(), status: { state: 'running' } };
    kept.runs.push(run);
    return run;
  }

  #get(pipeline: Pipeline): Kept {
    const kept = this.#pipelines.get(pipelineKey(pipeline));
    if (!kept) throw new Error(`the test created no pipeline ${pipelineKey(pipeline)}`);
    return kept;
  }

  #run(pipeline: Pipeline, executionId: string): Run {
    const run = this.#get(pipeline).runs.find((one) => one.executionId === executionId);
    if (!run) throw new Error(`pipeline ${pipelineKey(pipeline)} has no run ${executionId}`);
    return run;
  }

  #check(pipeline: Pipeline): void {
    if (!this.#denied.has(`${pipeline.account}/${pipeline.region}`)) return;
    throw new RunnerUnreachableError(pipeline, new Error('AccessDenied: the role cannot be taken'));
  }
}
