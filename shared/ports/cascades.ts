import type { Cascade, CascadeNode } from '../domain/cause/cascade.ts';

export interface CascadeLedger {
  /**
   * The planner's lease: one planner at a time. `false` while another lease is valid. A plan that was written and not
   * started is stored with it, and handed to the next planner.
   */
  beginPlanning(owner: string, lease: { nowEpochMs: number; untilEpochMs: number }): Promise<PlanningLease | undefined>;
  /**
   * Writes nodes and cascade, and names it in the lease as not started. Replaces an earlier plan with the same id that
   * has not begun; a started one stays. @throws LedgerContendedError if the lease has another owner now
   */
  write(owner: string, cascade: Cascade, nodes: readonly CascadeNode[]): Promise<void>;
  /** Ends planning: releases the lease, with nothing left to start. */
  endPlanning(owner: string): Promise<void>;
  get(cascadeId: string): Promise<Cascade | undefined>;
  nodes(cascadeId: string): AsyncIterable<CascadeNode>;
  node(cascadeId: string, stream: string): Promise<CascadeNode | undefined>;
  /** Retried on a conflict, like `changeNode`. @throws LedgerContendedError, LedgerItemMissingError */
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
  /** A cascade that was written and perhaps not started. */
  readonly pendingCascadeId?: string;
}
