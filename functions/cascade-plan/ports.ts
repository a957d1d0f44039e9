import type { ReadPlanPorts } from '../../shared/planning/read-plan.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { CascadeExecutions } from '../../shared/ports/executions.ts';
import type { LateHeadsLedger } from '../../shared/ports/late-heads.ts';
import type { CauseLedger } from '../../shared/ports/ledger.ts';
import type { CascadeEnding, Messages, ParkedPoll, RefreshRequest } from '../../shared/ports/messages.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { GuardLedger, LockLedger, SlotLedger } from '../../shared/ports/rebuilds.ts';
import type { Retry } from '../../shared/ports/retry.ts';

/** Ports of the planner; each step names the ones that it uses. */
export interface PlanPorts extends ReadPlanPorts {
  readonly cascades: CascadeLedger;
  readonly causes: CauseLedger;
  readonly locks: Pick<LockLedger, 'get' | 'all' | 'clearUnreadable'>;
  readonly slots: Pick<SlotLedger, 'held'>;
  readonly guards: GuardLedger;
  readonly policies: Pick<PolicyStore, 'load' | 'current'>;
  readonly lateHeads: Pick<LateHeadsLedger, 'all' | 'remove'>;
  readonly executions: CascadeExecutions;
  /** Queue of `registry-events`, which reads registries. */
  readonly refreshes: Messages<RefreshRequest>;
  /** Queue of `cascade-reaper`, which ends cascades. */
  readonly ends: Messages<CascadeEnding | ParkedPoll>;
  readonly clock: Clock;
  /** How long the planner waits for another one. */
  readonly retry: Retry;
}
