import type { BreakGlass } from '../../../shared/domain/admission/admit.ts';
import type { DoorPlace } from '../../../shared/domain/policy/doors.ts';
import type {
  BreakGlassChange,
  BreakGlassLedger,
  OpenBreakGlass,
  OpenBreakGlasses,
} from '../../../shared/ports/admission.ts';
import { copied } from './copied.ts';

/** Break-glass of namespaces, in memory. */
export class FakeBreakGlassLedger implements BreakGlassLedger, OpenBreakGlasses {
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

  async begin(place: DoorPlace, breakGlass: BreakGlass, { uid, user, atEpochMs }: BreakGlassChange): Promise<void> {
    if (!this.#isNew(place, uid)) return;
    this.#open.set(keyOf(place), copied({ ...breakGlass, place, by: user, beganAtEpochMs: atEpochMs }));
  }

  async end(place: DoorPlace, { uid }: BreakGlassChange): Promise<void> {
    if (!this.#open.has(keyOf(place)) || !this.#isNew(place, uid)) return;
    this.#open.delete(keyOf(place));
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
