import type { BreakGlassLedger, OpenBreakGlasses } from '../../shared/ports/admission.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { NamespaceReads } from '../../shared/ports/namespaces.ts';

export interface BreakGlassPorts {
  readonly ledger: BreakGlassLedger & OpenBreakGlasses;
  readonly namespaces: NamespaceReads;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
}

/** What became of a check. */
export type BreakGlassOutcome =
  | 'begun'
  | 'ended'
  /** Nothing changes, or what was asked for is over. */
  | 'none'
  /** The cluster may show it at a later look. */
  | 'again'
  /** The cluster never showed what was asked for, or could not be read. */
  | 'unproven';
