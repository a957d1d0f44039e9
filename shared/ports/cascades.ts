import type { Cascade, CascadeNode } from '../domain/cause/cascade.ts';

export interface CascadeLedger {
  /**
   * The planner's lease: one planner at a time. `false` while another one's lease holds. What a planner wrote and did
   * not start is kept with it, and given to the next one.
   */
  beginPlanning(owner: string, lease: { nowEpochMs: number; untilEpochMs: number }): Promise<PlanningLease | undefined>;
  /**
   * Writes nodes and cascade, and names it in the lease as not yet started. What was planned under the same id and not
   * begun is replaced; what has begun stays. @throws LedgerContendedError where the lease is not this owner's any more
   */
  write(owner: string, cascade: Cascade, nodes: readonly CascadeNode[]): Promise<void>;
  /** Ends planning: gives the lease back, with nothing left to be started. */
  endPlanning(owner: string): Promise<void>;
  get(cascadeId: string): Promise<Cascade | undefined>;
  nodes(cascadeId: string): AsyncIterable<CascadeNode>;
  node(cascadeId: string, stream: string): Promise<CascadeNode | undefined>;
  /** Tried again on a conflict, as `changeNode` is. @throws LedgerContendedError, LedgerItemMissingError */
  changeCascade(cascadeId: string, change: (before: Cascade) => Cascade | undefined): Promise<Cascade>;
  changeNode(
    cascadeId: string,
    stream: string,
    change: (before: CascadeNode) => CascadeNode | undefined,
  ): Promise<CascadeNode>;
  /** Cascades that have not ended, page by page. */
  open(): AsyncIterable<Cascade>;
}

export interface PlanningLease {
  /** A cascade that was written and may not have been started. */
  readonly pendingCascadeId?: string;
}
