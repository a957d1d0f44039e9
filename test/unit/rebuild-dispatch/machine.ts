import { pollBuild } from '../../../functions/rebuild-dispatch/poll-build.ts';
import { reserve } from '../../../functions/rebuild-dispatch/reserve.ts';
import { settle } from '../../../functions/rebuild-dispatch/settle.ts';
import { start } from '../../../functions/rebuild-dispatch/start.ts';
import { hasEnded } from '../../../shared/domain/cause/cascade.ts';
import type { RebuildOutcome } from '../../../shared/domain/cause/rebuild.ts';
import type { Turns } from '../../support/fakes/interleave.ts';
import { type DispatchWorld, LIMITS, type NodeOf, portsOf, stepOf } from './support.ts';

type State = 'reserve' | 'build' | 'waiting' | 'poll' | 'verify' | 'settle' | 'done';

/** One child of the cascade machine, state by state; a step that throws is taken again, under a token of its own. */
export class NodeMachine {
  readonly #world: DispatchWorld;
  readonly node: NodeOf;
  readonly #outcome: RebuildOutcome;
  state: State = 'reserve';
  /** What the node came to; absent before its end. */
  settled: Awaited<ReturnType<typeof settle>> | undefined;
  token = '';
  #tokens = 0;
  failure: { readonly Error: string; readonly Cause: string } | null = null;

  constructor(world: DispatchWorld, node: NodeOf, outcome: RebuildOutcome = { result: 'fixed' }) {
    this.#world = world;
    this.node = node;
    this.#outcome = outcome;
  }

  /** One state. Waits move the clock on where `sleeps`. */
  async step(turns: Turns = {}, { sleeps = true } = {}): Promise<void> {
    const ports = portsOf(this.#world, turns);
    const { rebuildId } = this.node;
    const sleep = (seconds: number): void => (sleeps ? this.#world.advance(seconds * 1000) : undefined);
    switch (this.state) {
      case 'reserve': {
        const answer = await reserve(ports, LIMITS, stepOf(this.node));
        if (answer.decision === 'wait') sleep(answer.waitSeconds);
        else this.state = answer.decision === 'build' ? 'build' : 'settle';
        return;
      }
      case 'build': {
        this.token = `token-${rebuildId}-${++this.#tokens}`;
        this.#world.waitingStep.wait(this.token);
        await start(ports, LIMITS, { ...stepOf(this.node), rebuildId, taskToken: this.token });
        this.state = 'waiting';
        return;
      }
      case 'waiting':
        if (this.answer) return this.#judge(this.answer, sleep);
        // The heartbeat lapsed.
        sleep(LIMITS.recheckAfterSeconds);
        this.#world.waitingStep.giveUp(this.token);
        this.state = 'poll';
        return;
      case 'poll':
        return this.#judge(await pollBuild(ports, LIMITS, { ...stepOf(this.node), rebuildId }), sleep);
      case 'verify':
        await this.#verify();
        this.state = 'settle';
        return;
      case 'settle':
        this.settled = await settle(ports, { ...stepOf(this.node), failure: this.failure });
        this.state = 'done';
        return;
      case 'done':
    }
  }

  /** An error that no retry fixed. */
  fail(error: Error): void {
    this.failure = { Error: error.name, Cause: error.message };
    this.state = 'settle';
  }

  /** The machine's service invokes a step twice at once, as it may. */
  async startTwice(turns: Turns): Promise<void> {
    const again = { ...stepOf(this.node), rebuildId: this.node.rebuildId, taskToken: `token-twice-${this.#tokens}` };
    await Promise.all([this.step(turns), start(portsOf(this.#world, turns), LIMITS, again)]);
  }

  /** The answer to the waiting step. */
  get answer(): Readonly<Record<string, unknown>> | undefined {
    return this.#world.waitingStep.answers.find(({ taskToken }) => taskToken === this.token)?.output;
  }

  /** Step after step until a state, or until its end. */
  async run(until: State = 'done', steps = 2000): Promise<this> {
    for (let taken = 0; taken < steps && this.state !== until && this.state !== 'done'; taken += 1) await this.step();
    if (this.state !== until) throw new Error(`node ${this.node.stream} is at ${this.state}, not ${until}`);
    return this;
  }

  #judge({ state, waitSeconds = 0 }: { readonly state?: unknown; readonly waitSeconds?: unknown }, sleep: Sleep): void {
    sleep(Number(waitSeconds));
    switch (state) {
      case 'succeeded':
        this.state = 'verify';
        return;
      case 'running':
        this.state = 'build';
        return;
      case 'start-unknown':
        this.state = 'poll';
        return;
      case 'paused':
      case 'busy':
        if (!(Number(waitSeconds) >= 1)) throw new Error(`${state} says no waitSeconds`);
        this.state = 'reserve';
        return;
      default:
        this.state = 'settle';
    }
  }

  /** What verification writes. */
  async #verify(): Promise<void> {
    const { stream, rebuildId, cascadeId } = this.node;
    await this.#world.rebuilds.record(stream, rebuildId, (before) => before && { ...before, outcome: this.#outcome });
    await this.#world.cascades.changeNode(cascadeId, stream, (before) =>
      hasEnded(before) ? undefined : { ...before, state: 'verifying' },
    );
  }
}

type Sleep = (seconds: number) => void;
