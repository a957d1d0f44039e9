import type { BreakGlass } from '../../../shared/domain/admission/admit.ts';
import { endOfOpening, isSameBreakGlass } from '../../../shared/domain/admission/break-glass.ts';
import type { DoorPlace } from '../../../shared/domain/policy/doors.ts';
import type {
  BreakGlassChange,
  BreakGlassLedger,
  OpenBreakGlass,
  OpenBreakGlasses,
  PastBreakGlass,
  PastBreakGlasses,
} from '../../../shared/ports/admission.ts';
import { copied } from './copied.ts';

/** Break-glass of places, in memory. */
export class FakeBreakGlassLedger implements BreakGlassLedger, OpenBreakGlasses, PastBreakGlasses {
  readonly #all: PastBreakGlass[] = [];
  readonly #open = new Map<string, OpenBreakGlass>();
  /** What a person closed last. */
  readonly #closed = new Map<string, BreakGlass>();
  readonly #requests = new Set<string>();
  /** Changes that were recorded. */
  written = 0;

  async breakGlassOf(place: DoorPlace): Promise<BreakGlass | undefined> {
    const found = BOTH.flatMap((proof) => this.#open.get(keyOf(place, proof)) ?? []);
    const [last] = found.sort((one, other) => other.expiresAtEpochMs - one.expiresAtEpochMs);
    if (!last) return undefined;
    const { author, reason, expiresAtEpochMs } = last;
    return { author, reason, expiresAtEpochMs };
  }

  async *open(atEpochMs: number): AsyncIterable<OpenBreakGlass> {
    for (const one of this.#open.values()) if (atEpochMs < one.expiresAtEpochMs) yield copied(one);
  }

  async *all(): AsyncIterable<PastBreakGlass> {
    yield* copied(this.#all.toSorted((one, other) => one.beganAtEpochMs - other.beganAtEpochMs));
  }

  async *since(epochMs: number): AsyncIterable<PastBreakGlass> {
    for (const one of copied(this.#all.toSorted((one, other) => other.beganAtEpochMs - one.beganAtEpochMs)))
      if (endOfOpening(one) > epochMs) yield one;
  }

  async begin(
    place: DoorPlace,
    breakGlass: BreakGlass,
    { uid, user, atEpochMs, proof }: BreakGlassChange,
  ): Promise<boolean> {
    const key = keyOf(place, proof);
    if (!this.#isNew(key, uid)) return true;
    if (proof === 'cluster' && isSameBreakGlass(breakGlass, this.#closed.get(key))) return false;
    this.#closed.delete(key);
    this.#endPast(key, user, atEpochMs);
    const begun = { ...breakGlass, place, by: user, beganAtEpochMs: atEpochMs, ...(proof && { proof }) };
    this.#open.set(key, copied(begun));
    this.#all.push(copied(begun));
    return true;
  }

  async end(place: DoorPlace, { uid, user, atEpochMs, proof }: BreakGlassChange): Promise<void> {
    for (const key of (proof === 'person' ? BOTH : [undefined]).map((one) => keyOf(place, one))) {
      if (!this.#open.has(key) || !this.#isNew(key, uid)) continue;
      const open = this.#open.get(key);
      if (proof === 'person' && open) this.#closed.set(key, open);
      this.#endPast(key, user, atEpochMs);
      this.#open.delete(key);
    }
  }

  #endPast(key: string, endedBy: string, endedAtEpochMs: number): void {
    const open = this.#open.get(key);
    if (!open || open.expiresAtEpochMs <= endedAtEpochMs) return;
    const index = this.#all.findIndex(
      (one) => keyOf(one.place, one.proof) === key && one.beganAtEpochMs === open.beganAtEpochMs,
    );
    this.#all[index] = { ...open, endedAtEpochMs, endedBy };
  }

  #isNew(key: string, uid: string): boolean {
    const request = `${key} ${uid}`;
    if (this.#requests.has(request)) return false;
    this.#requests.add(request);
    this.written += 1;
    return true;
  }
}

const BOTH = [undefined, 'person'] as const;

/** That of a person has a key of its own. */
const keyOf = ({ account, region, cluster, namespace }: DoorPlace, proof: BreakGlassChange['proof']): string =>
  JSON.stringify([account, region, cluster, namespace ?? null, proof === 'person']);
