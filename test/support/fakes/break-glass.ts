import type { BreakGlass } from '../../../shared/domain/admission/admit.ts';
import type { DoorPlace } from '../../../shared/domain/policy/doors.ts';
import type { BreakGlassChange, BreakGlassLedger } from '../../../shared/ports/admission.ts';
import { copied } from './copied.ts';

/** Break-glass of namespaces, in memory. */
export class FakeBreakGlassLedger implements BreakGlassLedger {
  readonly #open = new Map<string, BreakGlass>();
  readonly #requests = new Set<string>();
  /** Changes that were recorded. */
  written = 0;

  async breakGlassOf(place: DoorPlace): Promise<BreakGlass | undefined> {
    const found = this.#open.get(keyOf(place));
    return found && copied(found);
  }

  async begin(place: DoorPlace, breakGlass: BreakGlass, { uid }: BreakGlassChange): Promise<void> {
    if (!this.#isNew(place, uid)) return;
    this.#open.set(keyOf(place), copied(breakGlass));
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
