/** What a test does around every call of a port: let somebody else have a turn, or throw as a crash would. */
export interface Turns {
  before?: (step: string) => void | Promise<void>;
  after?: (step: string) => void | Promise<void>;
}

/**
 * The same port, each of whose asynchronous calls is a step that a test can come between (`runner.start`). A `before`
 * that throws is a crash before the call; an `after` that throws is one whose effect is there and whose answer is lost.
 * Of pages, the first is asked for after `before` and the last given before `after`.
 */
export function interleave<Port extends object>(name: string, port: Port, turns: Turns): Port {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const step = `${name}.${String(key)}`;
      const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args);
      switch (Object.prototype.toString.call(value)) {
        case '[object AsyncFunction]':
          return (...args: unknown[]) => between(step, turns, () => call(...args));
        case '[object AsyncGeneratorFunction]':
          return (...args: unknown[]) => pagesBetween(step, turns, () => call(...args) as AsyncIterable<unknown>);
        default:
          return call;
      }
    },
  });
}

async function between(step: string, turns: Turns, call: () => unknown): Promise<unknown> {
  await turns.before?.(step);
  const result = await call();
  await turns.after?.(step);
  return result;
}

async function* pagesBetween(step: string, turns: Turns, call: () => AsyncIterable<unknown>): AsyncIterable<unknown> {
  await turns.before?.(step);
  yield* call();
  await turns.after?.(step);
}

/** The process was killed. */
export class CrashError extends Error {
  override readonly name = 'CrashError';
}

/**
 * Kills the process at its n-th step, counted from 0, before the call or after it; from then on it makes no call at
 * all, also in its error handling. `steps` names all steps that were reached.
 */
export function crashAt(at: number, side: 'before' | 'after' = 'before'): Turns & { readonly steps: string[] } {
  const steps: string[] = [];
  let isDead = false;
  const die = (step: string): never => {
    isDead = true;
    throw new CrashError(`killed ${side} ${step}`);
  };
  return {
    steps,
    before: (step) => {
      if (isDead) die(step);
      steps.push(step);
      if (side === 'before' && steps.length > at) die(step);
    },
    after: (step) => {
      if (isDead || (side === 'after' && steps.length > at)) die(step);
    },
  };
}
