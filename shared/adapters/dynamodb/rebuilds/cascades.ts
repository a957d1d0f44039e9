import { type Cascade, type CascadeNode, isOpen } from '../../../domain/cause/cascade.ts';
import type { CascadeLedger } from '../../../ports/rebuilds.ts';
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

  async *open(): AsyncIterable<Cascade> {
    for await (const page of this.cascades.open()) yield* page;
  }
}
