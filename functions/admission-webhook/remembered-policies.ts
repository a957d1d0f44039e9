import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { CurrentPolicy, Policies } from '../../shared/ports/policies.ts';

/** The policy in force, and the one that was read last: its mode decides while nothing can be read. */
export class RememberedPolicies implements Pick<Policies, 'current'> {
  readonly #policies: Pick<Policies, 'current'>;
  #last: Policy | undefined;

  constructor(policies: Pick<Policies, 'current'>) {
    this.#policies = policies;
  }

  async current(): Promise<CurrentPolicy> {
    const read = await this.#policies.current();
    this.#last = read.policy;
    return read;
  }

  /** `undefined` if none was read in this execution environment. */
  last(): Policy | undefined {
    return this.#last;
  }
}
