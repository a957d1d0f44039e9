import type { ExpectedDenial } from '../../../shared/domain/admission/expected-denial.ts';
import { doorPlaceText } from '../../../shared/domain/policy/doors.ts';
import type { DenialLedger } from '../../../shared/ports/denials.ts';
import { copied } from './copied.ts';

/** Expected denials, in memory. */
export class FakeDenialLedger implements DenialLedger {
  readonly #denials = new Map<string, ExpectedDenial>();

  async *all(): AsyncIterable<ExpectedDenial> {
    const inOrder = [...this.#denials].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [, denial] of inOrder) yield copied(denial);
  }

  async replace(expected: readonly ExpectedDenial[]): Promise<void> {
    const before = new Map(this.#denials);
    this.#denials.clear();
    for (const denial of expected) {
      const known = before.get(keyOf(denial));
      const isKnown = known?.deniedFromEpochMs === denial.deniedFromEpochMs;
      this.#denials.set(keyOf(denial), { ...copied(denial), ...(isKnown && { foundAtEpochMs: known.foundAtEpochMs }) });
    }
  }
}

const keyOf = ({ place, digest }: ExpectedDenial): string => `${doorPlaceText(place)} ${digest}`;
