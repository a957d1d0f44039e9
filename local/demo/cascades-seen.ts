import type { CascadeView } from '../../cli/acting/acting.ts';
import type { CliContext } from '../../cli/command.ts';
import { isOpen } from '../../shared/domain/cause/cascade.ts';

type Ledger = Pick<CliContext, 'cascades' | 'rollouts'>;

/** The cascades that were open since the start, each as it is now: an ended one shows how its last deployment ended. */
export class CascadesSeen {
  readonly #ledger: Ledger;
  readonly #seen = new Map<string, CascadeView>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** In the order in which they were planned. */
  get all(): readonly CascadeView[] {
    return [...this.#seen.values()].sort((one, other) => one.plannedAtEpochMs - other.plannedAtEpochMs);
  }

  /** Takes the open ones of a read of the ledger, and reads those that ended since the last one. */
  async update(open: readonly CascadeView[]): Promise<readonly CascadeView[]> {
    for (const cascade of open) this.#seen.set(cascade.cascadeId, cascade);
    const isOpenNow = new Set(open.map(({ cascadeId }) => cascadeId));
    for (const { cascadeId } of this.all.filter((one) => isOpen(one) && !isOpenNow.has(one.cascadeId)))
      await this.#read(cascadeId);
    return this.all;
  }

  async #read(cascadeId: string): Promise<void> {
    const { cascades, rollouts } = this.#ledger;
    const cascade = await cascades.get(cascadeId);
    if (!cascade) return;
    const [nodes, deployments] = await Promise.all([
      Array.fromAsync(cascades.nodes(cascadeId)),
      Array.fromAsync(rollouts.deployments(cascadeId)),
    ]);
    this.#seen.set(cascadeId, { ...cascade, nodes, deployments });
  }
}
