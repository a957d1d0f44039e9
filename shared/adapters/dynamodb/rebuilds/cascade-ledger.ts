import { mapConcurrently } from '../../../concurrency.ts';
import { type Cascade, type CascadeNode, isOpen } from '../../../domain/cause/cascade.ts';
import type { CascadeLedger, PlanningLease } from '../../../ports/cascades.ts';
import { LedgerContendedError } from '../../../ports/errors.ts';
import type { Condition } from '../table/item.ts';
import * as keys from '../table/keys.ts';
import { OPEN } from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Cascades and their nodes, one item each, for functions that plan none. */
export class DynamoCascades
  implements Pick<CascadeLedger, 'get' | 'nodes' | 'node' | 'changeCascade' | 'changeNode' | 'open'>
{
  protected readonly cascades: StoredRecords<Cascade>;
  protected readonly members: StoredRecords<CascadeNode>;

  constructor(table: LedgerTable) {
    this.cascades = new StoredRecords<Cascade>(table, 'cascade', {
      partition: OPEN.cascade,
      sortKey: (cascade) => (isOpen(cascade) ? cascade.cascadeId : undefined),
    });
    this.members = new StoredRecords(table, 'cascade-node');
  }

  async get(cascadeId: string): Promise<Cascade | undefined> {
    return this.cascades.get(keys.cascade(cascadeId));
  }

  nodes(cascadeId: string): AsyncIterable<CascadeNode> {
    const { PK, SK: prefix } = keys.node(cascadeId, '');
    return this.members.below(PK, prefix);
  }

  async node(cascadeId: string, stream: string): Promise<CascadeNode | undefined> {
    return this.members.get(keys.node(cascadeId, stream));
  }

  async changeCascade(cascadeId: string, change: (before: Cascade) => Cascade | undefined): Promise<Cascade> {
    return this.cascades.changeKnown(keys.cascade(cascadeId), change);
  }

  async changeNode(
    cascadeId: string,
    stream: string,
    change: (before: CascadeNode) => CascadeNode | undefined,
  ): Promise<CascadeNode> {
    return this.members.changeKnown(keys.node(cascadeId, stream), change);
  }

  open(): AsyncIterable<Cascade> {
    return this.cascades.eachOpen();
  }
}

/** All nodes of a cascade share one partition, which takes about 1,000 writes a second. */
const WRITES_AT_ONCE = 16;

/** STATE is a reserved word of DynamoDB. */
const NOT_BEGUN: Condition = {
  expression: 'attribute_not_exists(PK) OR #state = :planned',
  names: { '#state': 'state' },
  values: { ':planned': 'planned' },
};

interface Planning extends PlanningLease {
  readonly owner: string;
  readonly untilEpochMs: number;
}

/** Cascades including planned ones, and the lease that lets one planner plan at a time. */
export class DynamoCascadeLedger extends DynamoCascades implements CascadeLedger {
  readonly #table: LedgerTable;
  readonly #planning: StoredRecords<Planning>;

  constructor(table: LedgerTable) {
    super(table);
    this.#table = table;
    this.#planning = new StoredRecords(table, 'planning-lease');
  }

  async beginPlanning(
    owner: string,
    { nowEpochMs, untilEpochMs }: { nowEpochMs: number; untilEpochMs: number },
  ): Promise<PlanningLease | undefined> {
    const stands = await this.#planning.change(keys.planning, (held) => {
      const isHeld = held && held.owner !== owner && held.untilEpochMs > nowEpochMs;
      return isHeld ? undefined : { ...held, owner, untilEpochMs };
    });
    if (stands?.owner !== owner) return undefined;
    const { pendingCascadeId } = stands;
    return pendingCascadeId === undefined ? {} : { pendingCascadeId };
  }

  /** The lease comes last and the cascade before it, so that what either names exists with all its nodes. */
  async write(owner: string, cascade: Cascade, nodes: readonly CascadeNode[]): Promise<void> {
    const [held, before] = await Promise.all([this.#planning.get(keys.planning), this.get(cascade.cascadeId)]);
    if (held?.owner !== owner) throw leaseLost();
    if (!before || before.state === 'planned') {
      await mapConcurrently(nodes, WRITES_AT_ONCE, (node) =>
        this.members.put(keys.node(node.cascadeId, node.stream), node, NOT_BEGUN),
      );
      await this.cascades.put(keys.cascade(cascade.cascadeId), cascade, NOT_BEGUN);
    }
    const stands = await this.#planning.change(keys.planning, (lease) =>
      lease?.owner === owner ? { ...lease, pendingCascadeId: cascade.cascadeId } : undefined,
    );
    if (stands?.owner !== owner) throw leaseLost();
  }

  async endPlanning(owner: string): Promise<void> {
    // OWNER is a reserved word of DynamoDB.
    const names = { '#owner': 'owner' };
    await this.#table.delete(keys.planning, { expression: '#owner = :owner', names, values: { ':owner': owner } });
  }
}

const leaseLost = (): LedgerContendedError => new LedgerContendedError(`${keys.planning.PK} / ${keys.planning.SK}`, 1);
