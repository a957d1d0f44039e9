import { Random } from '../../../local/fleet/random.ts';
import { type Cascade, type Closure, isOpen } from '../../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../../shared/domain/cause/cause.ts';
import type { StreamLock } from '../../../shared/domain/cause/rebuild.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import { type Usage, usageKey } from '../../../shared/domain/image/usage.ts';
import { keyOfScope, type Scope, scopeOf } from '../../../shared/domain/review/run.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import { CrashError } from './interleave.ts';
import type { FakeWorld } from './world.ts';

/**
 * What happens at calls of ports, as shares of them from 0 to 1. A test sets them when it likes: all of them are 0 at
 * first, and where they are 0 nothing happens and nothing is drawn.
 */
export interface Weather {
  /** The process dies before the call, or after it: what it did is there, and it does nothing any more. */
  deaths: number;
  /** The service fails: nothing is done. */
  failures: number;
  /** The call is done, and the caller gets an error in the place of the answer. */
  lostAnswers: number;
  /** The reply is lost, the client calls again, and the caller gets the second answer. */
  repeats: number;
  /**
   * Entries of lists that an index answers: one that entered the list within the last second is not there yet, and one
   * that left it is still there where nothing reads the item behind it.
   */
  staleEntries: number;
}

const CALM: Weather = { deaths: 0, failures: 0, lostAnswers: 0, repeats: 0, staleEntries: 0 };

/** An index follows its table by less than this. */
const LAG_MS = 1000;

/** A service failed, or its answer was lost: the caller cannot tell which. */
export class ServiceError extends Error {
  override readonly name = 'ServiceUnavailable';
}

/** Also one that another error names as its cause. */
export const isWeather = (error: unknown): boolean =>
  error instanceof CrashError || error instanceof ServiceError || (error instanceof Error && isWeather(error.cause));

export interface WeatheredWorld {
  /**
   * The same world for those who work in it. Each of its calls may be struck. A caller that dies may call again, as a
   * new process.
   */
  readonly world: FakeWorld;
  /** The world as one process sees it: once it died, none of its calls reaches the world any more. */
  process(): FakeWorld;
  readonly weather: Weather;
  /** How often each of them really happened. */
  readonly struck: Readonly<Weather>;
}

/**
 * Puts weather around every port of a fake world. Tests arrange and look at things through `calm`, which stays as it
 * is. What happens follows from the seed and from the order of the calls.
 */
export function weathered(calm: FakeWorld, seed: number): WeatheredWorld {
  const sky = new Sky(calm, seed);
  return { world: sky.world(), process: () => sky.world(true), weather: sky.weather, struck: sky.struck };
}

class Sky {
  readonly weather: Weather = { ...CALM };
  readonly struck: Weather = { ...CALM };
  readonly #calm: FakeWorld;
  readonly #random: Random;
  readonly #indexes: ReadonlyMap<string, Index>;
  readonly #ports: readonly (readonly [name: string, port: object])[];
  readonly #known = new Map<object, Steps>();

  constructor(calm: FakeWorld, seed: number) {
    this.#calm = calm;
    this.#ports = Object.entries(calm).flatMap(([name, port]: [string, unknown]) =>
      typeof port === 'object' && port !== null ? [[name, port] as const] : [],
    );
    this.#random = new Random(seed);
    this.#indexes = new Map(Object.keys(LISTS).map((step) => [step, new Index(calm.clock)]));
  }

  world(staysDead = false): FakeWorld {
    const process = staysDead ? { isDead: false } : undefined;
    const world: Record<string, unknown> = { ...this.#calm };
    for (const [name, port] of this.#ports) world[name] = new Proxy(port, new Around(this.#steps(port), process));
    return world as unknown as FakeWorld;
  }

  /** How the members of a port are called, whichever process calls. */
  #steps(port: object): Steps {
    const known = this.#known.get(port);
    if (known) return known;
    // One fake may be several ports: its first name names its steps.
    const name = this.#ports.find(([, one]) => one === port)?.[0] ?? '';
    const found = new Map<string, { readonly member: Member; readonly call: ReturnType<Steps> }>();
    const steps: Steps = (key, member) => {
      const earlier = found.get(key);
      if (earlier?.member === member) return earlier.call;
      const call = this.#step(`${name}.${key}`, member, (args) => Reflect.apply(member, port, args));
      found.set(key, { member, call });
      return call;
    };
    this.#known.set(port, steps);
    return steps;
  }

  #step(step: string, member: Member, call: (args: Arguments) => unknown): ReturnType<Steps> {
    switch (Object.prototype.toString.call(member)) {
      case '[object AsyncFunction]':
        return (process, args) => this.#call(step, process, args, call);
      case '[object AsyncGeneratorFunction]':
        return (process, args) => this.#pages(step, process, args, call);
      // Calls that answer at once are a test's own, and no calls of a port.
      default:
        return (_, args) => call(args);
    }
  }

  async #call(
    step: string,
    process: Process | undefined,
    args: Arguments,
    call: (args: Arguments) => unknown,
  ): Promise<unknown> {
    this.#before(step, process);
    let reply = await call(args);
    this.#indexed(step, args, reply);
    if (this.#happens('repeats')) {
      reply = await call(args);
      this.#indexed(step, args, reply);
    }
    this.#mayDie(step, process);
    if (this.#happens('lostAnswers')) throw new ServiceError(`the answer of ${step} was lost`);
    return this.#seen(step, reply);
  }

  async *#pages(
    step: string,
    process: Process | undefined,
    args: Arguments,
    call: (args: Arguments) => unknown,
  ): AsyncIterable<unknown> {
    this.#before(step, process);
    for await (const page of call(args) as AsyncIterable<unknown>) {
      const seen = this.#seen(step, page);
      if (seen !== undefined && !(Array.isArray(seen) && seen.length === 0)) yield seen;
    }
    for (const left of this.#left(step, args)) yield left;
    this.#mayDie(step, process);
  }

  #before(step: string, process: Process | undefined): void {
    if (process?.isDead) throw new CrashError(`dead before ${step}`);
    this.#mayDie(step, process);
    if (this.#happens('failures')) throw new ServiceError(`${step} failed`);
  }

  #mayDie(step: string, process: Process | undefined): void {
    if (!this.#happens('deaths')) return;
    if (process) process.isDead = true;
    throw new CrashError(`died at ${step}`);
  }

  #happens(what: keyof Weather): boolean {
    const share = this.weather[what];
    if (share === 0 || !this.#random.chance(share)) return false;
    this.struck[what] += 1;
    return true;
  }

  #indexed(step: string, args: Arguments, reply: unknown): void {
    for (const { list, write } of WRITES.get(step) ?? []) {
      for (const change of write(args, reply)) this.#indexes.get(list)?.follow(change);
    }
  }

  /** What a list shows of its entries; `undefined` where that is nothing. */
  #seen(step: string, reply: unknown): unknown {
    const [list, index] = [LISTS[step], this.#indexes.get(step)];
    if (!list || !index || this.weather.staleEntries === 0) return reply;
    const isSeen = (entry: unknown): boolean => !index.isLate(list.keyOf(entry)) || !this.#happens('staleEntries');
    if (Array.isArray(reply)) return reply.filter(isSeen);
    return isSeen(reply) ? reply : undefined;
  }

  /** What a list still shows though it has left it. */
  #left(step: string, args: Arguments): readonly unknown[] {
    const { answers } = LISTS[step] ?? {};
    if (!answers || this.weather.staleEntries === 0) return [];
    const left = this.#indexes.get(step)?.leftLately() ?? [];
    return left.filter((entry) => answers(entry, args) && this.#happens('staleEntries'));
  }
}

interface Process {
  isDead: boolean;
}

type Arguments = readonly unknown[];
type Member = (...args: never) => unknown;
type Steps = (key: string, member: Member) => (process: Process | undefined, args: Arguments) => unknown;

/** A port as one process calls it. */
class Around implements ProxyHandler<object> {
  readonly #steps: Steps;
  readonly #process: Process | undefined;

  constructor(steps: Steps, process: Process | undefined) {
    this.#steps = steps;
    this.#process = process;
  }

  get(port: object, key: string | symbol): unknown {
    const member: unknown = Reflect.get(port, key, port);
    if (typeof member !== 'function') return member;
    const call = this.#steps(String(key), member as Member);
    return (...args: unknown[]) => call(this.#process, args);
  }
}

/** A list that an index of the table answers. */
interface List {
  keyOf(entry: unknown): string;
  /** What writes of the same ledger do to it, by step. */
  readonly writes: Readonly<Record<string, (args: Arguments, reply: unknown) => readonly Change[]>>;
  /** Present where nothing reads the item behind an entry: whether an entry that has left it answers the question. */
  answers?(entry: unknown, args: Arguments): boolean;
}

const closureKey = ({ cascadeId, stream }: Closure): string => `${cascadeId} ${stream}`;

const LISTS: Readonly<Record<string, List>> = {
  'causes.open': {
    keyOf: (cause) => (cause as Cause).stream,
    writes: {
      'causes.change': ([stream], reply) => {
        const cause = reply as Cause | undefined;
        return [{ key: stream as string, isListed: cause !== undefined && cause.state !== 'closed' }];
      },
    },
  },
  'locks.all': {
    keyOf: (lock) => (lock as StreamLock).stream,
    writes: {
      'locks.take': ([lock]) => [{ key: (lock as StreamLock).stream, isListed: true }],
      'locks.release': ([stream]) => [{ key: stream as string, isListed: false }],
    },
  },
  'cascades.open': {
    keyOf: (cascade) => (cascade as Cascade).cascadeId,
    writes: {
      'cascades.write': ([, cascade]) => [{ key: (cascade as Cascade).cascadeId, isListed: true }],
      'cascades.changeCascade': ([cascadeId], reply) => [
        { key: cascadeId as string, isListed: isOpen(reply as Cascade) },
      ],
    },
  },
  'rollouts.openClosures': {
    keyOf: (closure) => closureKey(closure as Closure),
    writes: {
      'rollouts.openClosure': ([closure]) => [{ key: closureKey(closure as Closure), isListed: true }],
      'rollouts.changeClosure': (_, reply) => {
        const closure = reply as Closure;
        return [{ key: closureKey(closure), isListed: closure.state === 'open' }];
      },
    },
  },
  'streams.all': {
    keyOf: (stream) => (stream as StreamRecord).stream,
    writes: { 'streams.recordStream': ([stream]) => [{ key: (stream as StreamRecord).stream, isListed: true }] },
  },
  'images.imagesOf': {
    keyOf: (digest) => digest as string,
    writes: {
      'images.recordProperties': ([properties]) => {
        const { digest, chainId, tier } = properties as ImageProperties;
        return [{ key: digest, isListed: chainId !== undefined && tier !== 'application' }];
      },
    },
  },
  'usages.live': {
    keyOf: (usage) => usageKey(usage as Usage),
    writes: {
      'usages.record': ([usages]) =>
        (usages as readonly Usage[]).map((usage) => ({ key: usageKey(usage), isListed: true })),
      'usages.end': ([usages]) =>
        (usages as readonly Usage[]).map((usage) => ({ key: usageKey(usage), isListed: false, entry: usage })),
    },
    answers: (usage, [scope]) => keyOfScope(scopeOf(usage as Usage)) === keyOfScope(scope as Scope),
  },
};

/** By step of a write: what it does to each list. */
const WRITES = Map.groupBy(
  Object.entries(LISTS).flatMap(([list, { writes }]) =>
    Object.entries(writes).map(([step, write]) => ({ step, list, write })),
  ),
  ({ step }) => step,
);

/** One write, as an index follows it. */
interface Change {
  readonly key: string;
  readonly isListed: boolean;
  readonly entry?: unknown;
}

/** When keys entered and left an index. A key that was never written under this weather has been there for long. */
class Index {
  readonly #clock: () => number;
  readonly #entered = new Map<string, number>();
  readonly #listed = new Set<string>();
  readonly #left = new Map<string, { readonly entry: unknown; readonly atEpochMs: number }>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  follow({ key, isListed, entry }: Change): void {
    if (isListed) {
      if (!this.#listed.has(key)) this.#entered.set(key, this.#clock());
      this.#listed.add(key);
      this.#left.delete(key);
      return;
    }
    this.#listed.delete(key);
    this.#entered.delete(key);
    if (entry !== undefined) this.#left.set(key, { entry, atEpochMs: this.#clock() });
  }

  isLate(key: string): boolean {
    const enteredAtEpochMs = this.#entered.get(key);
    return enteredAtEpochMs !== undefined && this.#clock() < enteredAtEpochMs + LAG_MS;
  }

  leftLately(): readonly unknown[] {
    const now = this.#clock();
    return [...this.#left.values()].filter(({ atEpochMs }) => now < atEpochMs + LAG_MS).map(({ entry }) => entry);
  }
}
