import type { BreakGlass } from '../../../shared/domain/admission/admit.ts';
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

/** Break-glass of namespaces, in memory. */
export class FakeBreakGlassLedger implements BreakGlassLedger, OpenBreakGlasses, PastBreakGlasses {
  readonly #all: PastBreakGlass[] = [];
  readonly #open = new Map<string, OpenBreakGlass>();
  readonly #requests = new Set<string>();
  /** Changes that were recorded. */
  written = 0;

  async breakGlassOf(place: DoorPlace): Promise<BreakGlass | undefined> {
    const found = this.#open.get(keyOf(place));
    if (!found) return undefined;
    const { author, reason, expiresAtEpochMs } = found;
    return { author, reason, expiresAtEpochMs };
  }

  async *open(atEpochMs: number): AsyncIterable<OpenBreakGlass> {
    for (const one of this.#open.values()) if (atEpochMs < one.expiresAtEpochMs) yield copied(one);
  }

  async *all(): AsyncIterable<PastBreakGlass> {
    yield* copied(this.#all.toSorted((one, other) => one.beganAtEpochMs - other.beganAtEpochMs));
  }

  async begin(place: DoorPlace, breakGlass: BreakGlass, { uid, user, atEpochMs }: BreakGlassChange): Promise<void> {
    if (!this.#isNew(place, uid)) return;
    this.#endPast(place, user, atEpochMs);
    const begun = { ...breakGlass, place, by: user, beganAtEpochMs: atEpochMs };
    this.#open.set(keyOf(place), copied(begun));
    this.#all.push(copied(begun));
  }

  async end(place: DoorPlace, { uid, user, atEpochMs }: BreakGlassChange): Promise<void> {
    if (!this.#open.has(keyOf(place)) || !this.#isNew(place, uid)) return;
    this.#endPast(place, user, atEpochMs);
    this.#open.delete(keyOf(place));
  }

  #endPast(place: DoorPlace, endedBy: string, endedAtEpochMs: number): void {
    const open = this.#open.get(keyOf(place));
    if (!open || open.expiresAtEpochMs <= endedAtEpochMs) return;
    const index = this.#all.findIndex(
      (one) => keyOf(one.place) === keyOf(place) && one.beganAtEpochMs === open.beganAtEpochMs,
    );
    this.#all[index] = { ...open, endedAtEpochMs, endedBy };
  }

  #isNew(place: DoorPlace, uid: string): boolean {
    const request = `${keyOf(place)} ${uid}`;
    if (this.#requests.has(request)) return false;
    this.#requests.add(request);
    this.written += 1;
    return true;
  }
}

const keyOf = ({ account, region, cluster, namespace = '' }: DoorPlace): string =>
  JSON.stringify([account, region, cluster, namespace]);
