import { bySooner, DENIAL_NOTICE_DAYS, type ExpectedDenial } from '../../shared/domain/admission/expected-denial.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { DenialLedger } from '../../shared/ports/denials.ts';

/** What doors will refuse soon, the soonest first, as the last review of the fleet found it. */
export async function expectedDenials(denials: Pick<DenialLedger, 'all'>): Promise<readonly ExpectedDenial[]> {
  return (await Array.fromAsync(denials.all())).sort(bySooner);
}

/** One line; empty if nothing is refused soon. */
export function denialsText(denials: readonly ExpectedDenial[], nowEpochMs: number): string {
  const soon = denials.filter(({ deniedFromEpochMs }) => deniedFromEpochMs > nowEpochMs);
  const past = denials.length - soon.length;
  const [first] = soon;
  const next = 'See: patchwave doors check';
  return [
    ...(first
      ? [
          `${counted(soon.length, 'image')} will be refused by a door within ${counted(DENIAL_NOTICE_DAYS, 'day')}, the first at ${instant(first.deniedFromEpochMs)}.`,
        ]
      : []),
    ...(past > 0 ? [`${counted(past, 'image')} may not start again since the last review.`] : []),
    ...(denials.length > 0 ? [next] : []),
  ].join(' ');
}
