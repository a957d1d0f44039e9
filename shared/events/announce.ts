import type { LedgerRecord } from '../domain/outbox/ledger-record.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import { closureEnd } from './cascade-closed.ts';
import { reviewEnd } from './fleet-reviewed.ts';
import { headMove } from './head-moved.ts';
import { expiryExpected } from './image-expiry-expected.ts';
import { verdictChange } from './image-verdict-changed.ts';
import { policyChange } from './policy-changed.ts';
import { answerChange } from './rebuild-answered.ts';
import { rebuildEnd } from './rebuild-ended.ts';
import { causeGrowth } from './rebuild-needed.ts';
import { startDenial } from './start-denied.ts';
import { taskDenial } from './task-denied.ts';
import { denialExpected } from './will-be-denied.ts';
import { witnessDisagreement } from './witness-disagrees.ts';

/**
 * The events that one change of the ledger publishes; the file of each event says when. The same change always gives the
 * same events, so a change that is delivered twice is published twice in the same words.
 */
export function announce(before: LedgerRecord | undefined, after: LedgerRecord | undefined): PublishedEvent[] {
  switch (after?.kind) {
    case 'image':
      return verdictChange(before?.kind === 'image' ? before.record : undefined, after.record);
    case 'cause': {
      const cause = before?.kind === 'cause' ? before.record : undefined;
      return [...causeGrowth(cause, after.record), ...answerChange(cause, after.record)];
    }
    case 'stream':
      return headMove(before?.kind === 'stream' ? before.record : undefined, after.record);
    case 'rebuild':
      return rebuildEnd(before?.kind === 'rebuild' ? before.record : undefined, after.record);
    case 'closure': {
      const closure = before?.kind === 'closure' ? before.record : undefined;
      return [...closureEnd(closure, after.record), ...witnessDisagreement(closure, after.record)];
    }
    case 'expiry':
      return expiryExpected(before?.kind === 'expiry' ? before.record : undefined, after.record);
    case 'expected-denial':
      return denialExpected(before?.kind === 'expected-denial' ? before.record : undefined, after.record);
    case 'start-denial':
      return startDenial(before?.kind === 'start-denial' ? before.record : undefined, after.record);
    case 'denied-task':
      return taskDenial(before?.kind === 'denied-task' ? before.record : undefined, after.record);
    case 'run':
      return reviewEnd(before?.kind === 'run' ? before.record : undefined, after.record);
    case 'policy':
      return policyChange(before?.kind === 'policy' ? before.record : undefined, after.record);
    default:
      return [];
  }
}
