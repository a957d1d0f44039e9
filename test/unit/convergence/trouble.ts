import type { Random } from '../../../local/fleet/random.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';

/** Shares from 0 to 1 of the calls of ports, and of the scan events. */
export interface ConvergenceTrouble {
  readonly random: Random;
  /** The process dies before or after the call. */
  readonly crash: number;
  /** The call fails though its client tried again. */
  readonly failure: number;
  /** The reply is lost, and the client makes the call again. */
  readonly repeat: number;
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
  /** What really struck. */
  readonly struck: { crashes: number; failures: number; repeats: number };
}

export const noTrouble = (random: Random): ConvergenceTrouble => ({
  random,
  ...{ crash: 0, failure: 0, repeat: 0, lost: 0, doubled: 0, late: 0 },
  struck: { crashes: 0, failures: 0, repeats: 0 },
});

export const badDay = (random: Random): ConvergenceTrouble => ({
  random,
  ...{ crash: 0.01, failure: 0.004, repeat: 0.02, lost: 0.3, doubled: 0.3, late: 0.3 },
  struck: { crashes: 0, failures: 0, repeats: 0 },
});

class CrashError extends Error {
  override readonly name = 'CrashError';
}

class ServiceError extends Error {
  override readonly name = 'ServiceUnavailable';
}

/** Methods that only remember something in the memory of the function: they call nothing that could fail. */
const WITHOUT_CALL: readonly (string | symbol)[] = ['scannedByEcr'];

/** One invocation of a function: once it crashed, none of its calls reaches the world any more. */
export class Invocation {
  readonly #trouble: ConvergenceTrouble;
  crashed = false;

  constructor(trouble: ConvergenceTrouble) {
    this.#trouble = trouble;
  }

  /** The port as this invocation sees it. */
  through<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const call = (...args: unknown[]): unknown => member.apply(target, args);
        if (WITHOUT_CALL.includes(name)) return call;
        return member.constructor.name === 'AsyncGeneratorFunction'
          ? (...args: unknown[]) => this.#pages(call(...args) as AsyncIterable<unknown>)
          : (...args: unknown[]) => this.#call(() => call(...args));
      },
    });
  }

  async #call(call: () => unknown): Promise<unknown> {
    await this.#fate();
    const reply = await call();
    await this.#mayCrash();
    const { random, repeat, struck } = this.#trouble;
    if (!random.chance(repeat)) return reply;
    struck.repeats += 1;
    // A client that got no reply asks again, and gives the second answer.
    return call();
  }

  async *#pages(pages: AsyncIterable<unknown>): AsyncIterable<unknown> {
    await this.#fate();
    for await (const page of pages) {
      yield page;
      await this.#fate();
    }
  }

  async #fate(): Promise<void> {
    await this.#mayCrash();
    const { random, failure, struck } = this.#trouble;
    if (!random.chance(failure)) return;
    struck.failures += 1;
    throw new ServiceError('try again');
  }

  /** Lets others go first now and then, so that what runs at the same time really mixes. */
  async #mayCrash(): Promise<void> {
    const { random, crash, struck } = this.#trouble;
    for (let turns = random.int(0, 3); turns > 0; turns -= 1) await Promise.resolve();
    if (!this.crashed && random.chance(crash)) {
      this.crashed = true;
      struck.crashes += 1;
    }
    if (this.crashed) throw new CrashError('the process died');
  }
}

/** Steps that do all they can before they fail name what failed as the cause. */
const isMadeHere = (error: unknown): boolean =>
  error instanceof CrashError || error instanceof ServiceError || (error instanceof Error && isMadeHere(error.cause));

const MOST_ATTEMPTS = 200;

/** Runs a step until it ends, as Step Functions and queues do: what died or failed is tried again from its beginning. */
export async function persist<Reply>(
  world: FakeWorld,
  trouble: ConvergenceTrouble,
  step: (invocation: Invocation) => Promise<Reply>,
  isDone: (reply: Reply) => boolean = () => true,
): Promise<Reply> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const invocation = new Invocation(trouble);
    try {
      const reply = await step(invocation);
      if (!invocation.crashed && isDone(reply)) return reply;
    } catch (error) {
      if (!invocation.crashed && !isMadeHere(error)) throw error;
    }
    world.advance(trouble.random.int(1, 2000));
  }
  throw new Error(`a step did not end in ${MOST_ATTEMPTS} attempts`);
}
