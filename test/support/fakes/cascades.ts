import { type Cascade, type CascadeNode, isOpen } from '../../../shared/domain/cause/cascade.ts';
import type { CascadeLedger, PlanningLease } from '../../../shared/ports/cascades.ts';
import { LedgerContendedError } from '../../../shared/ports/errors.ts';
import { changeKnown } from './changed.ts';
import { copied } from './copied.ts';

interface Planning extends PlanningLease {
  readonly owner: string;
  readonly untilEpochMs: number;
}

/** Cascades, their nodes and the planner's lease in memory. */
export class FakeCascadeLedger implements CascadeLedger {
  readonly #cascades = new Map<string, Cascade>();
  readonly #nodes = new Map<string, CascadeNode>();
  #planning: Planning | undefined;

  async beginPlanning(
    owner: string,
    { nowEpochMs, untilEpochMs }: { nowEpochMs: number; untilEpochMs: number },
  ): Promise<PlanningLease | undefined> {
    const held = this.#planning;
    if (held && held.owner !== owner && held.untilEpochMs > nowEpochMs) return undefined;
    const pending = held?.pendingCascadeId === undefined ? {} : { pendingCascadeId: held.pendingCascadeId };
    this.#planning = { owner, untilEpochMs, ...pending };
    return pending;
  }

  async write(owner: string, cascade: Cascade, nodes: readonly CascadeNode[]): Promise<void> {
    const held = this.#planning;
    if (held?.owner !== owner) throw new LedgerContendedError('PLAN#CURRENT / PLAN', 1);
    if (isPlanned(this.#cascades.get(cascade.cascadeId))) {
      for (const node of nodes) {
        const key = nodeKey(node.cascadeId, node.stream);
        if (isPlanned(this.#nodes.get(key))) this.#nodes.set(key, copied(node));
      }
      this.#cascades.set(cascade.cascadeId, copied(cascade));
    }
    this.#planning = { ...held, pendingCascadeId: cascade.cascadeId };
  }

  async endPlanning(owner: string): Promise<void> {
    if (this.#planning?.owner === owner) this.#planning = undefined;
  }

  async get(cascadeId: string): Promise<Cascade | undefined> {
    return copied(this.#cascades.get(cascadeId));
  }

  async *nodes(cascadeId: string): AsyncIterable<CascadeNode> {
    const nodes = [...this.#nodes.values()].filter((node) => node.cascadeId === cascadeId);
    for (const node of nodes.sort(byStream)) yield copied(node);
  }

  async node(cascadeId: string, stream: string): Promise<CascadeNode | undefined> {
    return copied(this.#nodes.get(nodeKey(cascadeId, stream)));
  }

  async changeCascade(cascadeId: string, change: (before: Cascade) => Cascade | undefined): Promise<Cascade> {
    return changeKnown(this.#cascades, cascadeId, change);
  }

  async changeNode(
    cascadeId: string,
    stream: string,
    change: (before: CascadeNode) => CascadeNode | undefined,
  ): Promise<CascadeNode> {
    return changeKnown(this.#nodes, nodeKey(cascadeId, stream), change);
  }

  async *open(): AsyncIterable<Cascade> {
    const open = [...this.#cascades.values()].filter(isOpen);
    for (const cascade of open.sort((one, other) => (one.cascadeId < other.cascadeId ? -1 : 1))) {
      yield copied(cascade);
    }
  }

  /** A node is gone from the table: a person deleted its item, or a backup without it was restored. */
  lose(cascadeId: string, stream: string): this {
    this.#nodes.delete(nodeKey(cascadeId, stream));
    return this;
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [
      ...[...this.#cascades].map(([key, cascade]) => ({ key: `CASCADE ${key}`, ...cascade })),
      ...[...this.#nodes].map(([key, node]) => ({ key: `NODE ${key}`, ...node })),
    ];
  }
}

const isPlanned = (before: { readonly state: string } | undefined): boolean =>
  before === undefined || before.state === 'planned';
const nodeKey = (cascadeId: string, stream: string): string => `${cascadeId} ${stream}`;
const byStream = (one: { readonly stream: string }, other: { readonly stream: string }): number =>
  one.stream < other.stream ? -1 : 1;
