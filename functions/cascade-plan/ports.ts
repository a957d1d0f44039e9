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

/** All that the planner may touch; each step says which of them it does. */
export interface PlanPorts extends ReadPlanPorts {
  readonly cascades: CascadeLedger;
  readonly causes: CauseLedger;
  readonly locks: Pick<LockLedger, 'get' | 'all' | 'clearUnreadable'>;
  readonly slots: Pick<SlotLedger, 'held'>;
  readonly guards: GuardLedger;
  readonly policies: Pick<PolicyStore, 'load' | 'current'>;
  readonly lateHeads: Pick<LateHeadsLedger, 'all' | 'remove'>;
  readonly executions: CascadeExecutions;
  /** Registries are read by somebody else. */
  readonly refreshes: Messages<RefreshRequest>;
  /** So are cascades ended. */
  readonly ends: Messages<CascadeEnding | ParkedPoll>;
  readonly clock: Clock;
  /** How long another planner is waited for. */
  readonly retry: Retry;
}
