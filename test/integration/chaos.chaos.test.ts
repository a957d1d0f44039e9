import { behaveAsOnAQuietDay } from '../support/chaos.ts';

/** The other half is in chaos-more.chaos.test.ts: a day waits more than it computes, so two files share the processors. */
behaveAsOnAQuietDay([1, 2, ...Array.from({ length: 12 }, (_, index) => index + 101)]);
