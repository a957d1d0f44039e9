import type { Digest } from '../../../shared/domain/image/image.ts';
import { type EndedUsage, type UnreadUsage, type Usage, usageKey } from '../../../shared/domain/image/usage.ts';
import { keyOfScope, type Scope, scopeOf } from '../../../shared/domain/review/run.ts';
import type { UsageLedger } from '../../../shared/ports/ledger.ts';
import { copied } from './copied.ts';

/** Usages in memory; ended ones are kept beside the live ones. */
export class FakeUsageLedger implements UsageLedger {
  readonly #usages = new Map<string, Entry>();

  /** Images of usages whose items cannot be read. */
  readonly #unreadable: { readonly scope: Scope; readonly digest: Digest; readonly state: 'live' | 'left' }[] = [];

  /** From now on a usage of the image in the scope is there whose item cannot be read. */
  corrupt(scope: Scope, digest: Digest, state: 'live' | 'left' = 'live'): void {
    this.#unreadable.push({ scope, digest, state });
  }

  async *all(scope: Scope, state: 'live' | 'left'): AsyncIterable<Usage | UnreadUsage> {
    for (const usage of this.#in(state)) if (isIn(scopeOf(usage), scope)) yield usage;
    for (const { digest, ...one } of this.#unreadable)
      if (one.state === state && isIn(one.scope, scope))
        yield { digest, unreadable: `IMAGE#${digest} / USE#web: count is a text` };
  }

  async *live(scope: Scope): AsyncIterable<Usage> {
    for (const usage of this.#in('live')) if (isIn(scopeOf(usage), scope)) yield usage;
  }

  async *left(scope: Scope): AsyncIterable<Usage> {
    for (const usage of this.#in('left')) if (isIn(scopeOf(usage), scope)) yield usage;
  }

  async *digests(scope: Scope, state: 'live' | 'left'): AsyncIterable<Digest> {
    for (const usage of this.#in(state)) if (isIn(scopeOf(usage), scope)) yield usage.digest;
  }

  async record(usages: readonly Usage[], _atEpochMs: number): Promise<void> {
    for (const usage of usages) this.#usages.set(identity(usage), { usage: copied(usage) });
  }

  async end(usages: readonly Usage[], atEpochMs: number): Promise<void> {
    for (const usage of usages) {
      this.#usages.set(identity(usage), { usage: copied(usage), endedAtEpochMs: atEpochMs });
    }
  }

  async leave(usages: readonly Usage[], atEpochMs: number): Promise<void> {
    for (const usage of usages) {
      this.#usages.set(identity(usage), { usage: copied(usage), leftAtEpochMs: atEpochMs });
    }
  }

  async ofImage(digest: Digest): Promise<readonly Usage[]> {
    return this.#in('live').filter((usage) => usage.digest === digest);
  }

  async *endedSince(sinceEpochMs: number): AsyncIterable<EndedUsage> {
    for (const { usage, endedAtEpochMs = Number.NEGATIVE_INFINITY } of [...this.#usages.values()])
      if (endedAtEpochMs >= sinceEpochMs) yield { ...copied(usage), endedAtEpochMs };
  }

  async leftOfImage(digest: Digest): Promise<readonly Usage[]> {
    return this.#in('left').filter((usage) => usage.digest === digest);
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [...this.#usages].map(([key, entry]) => ({ key: `USE ${key}`, ...entry }));
  }

  #in(state: 'live' | 'left'): Usage[] {
    const found = [...this.#usages].filter(([, entry]) => stateOf(entry) === state);
    return found.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, { usage }]) => copied(usage));
  }
}

interface Entry {
  readonly usage: Usage;
  readonly endedAtEpochMs?: number;
  readonly leftAtEpochMs?: number;
}

const stateOf = ({ endedAtEpochMs, leftAtEpochMs }: Entry): 'live' | 'left' | 'ended' =>
  endedAtEpochMs === undefined ? (leftAtEpochMs === undefined ? 'live' : 'left') : 'ended';

const isIn = (one: Scope, scope: Scope): boolean => keyOfScope(one) === keyOfScope(scope);

const identity = (usage: Usage): string => [usage.digest, usageKey(usage)].join(' ');
