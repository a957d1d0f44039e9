import { collect } from '../../shared/concurrency.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { DOOR_MODES, type DoorMode, type Doors, doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { OpenBreakGlass, OpenBreakGlasses } from '../../shared/ports/admission.ts';
import { table } from '../output.ts';

/** What the doors of a policy do. */
export interface DoorsSummary {
  /** Where no rule applies. */
  readonly mode: DoorMode;
  /** How many rules have each mode. */
  readonly rules: Readonly<Record<DoorMode, number>>;
}

/** @returns nothing for a policy without doors */
export function doorsSummary({ doors }: { readonly doors?: Doors | undefined }): DoorsSummary | undefined {
  if (!doors) return undefined;
  const counts = DOOR_MODES.map((mode) => [mode, doors.rules.filter((rule) => rule.mode === mode).length] as const);
  return { mode: doors.mode, rules: Object.fromEntries(counts) as Record<DoorMode, number> };
}

const VERBS: Readonly<Record<DoorMode, readonly [one: string, many: string]>> = {
  deny: ['denies', 'deny'],
  warn: ['warns', 'warn'],
  off: ['is off', 'are off'],
};

/** One line. */
export function doorsText({ mode, rules }: DoorsSummary): string {
  const texts = (['deny', 'warn', 'off'] as const)
    .filter((one) => rules[one] > 0)
    .map((one) => `${counted(rules[one], 'rule')} ${VERBS[one][rules[one] === 1 ? 0 : 1]}`);
  return `doors: ${mode}${texts.length === 0 ? '' : ` where no rule applies; ${texts.join(', ')}`}`;
}

/** Those that are open now, the first to end first. */
export async function openBreakGlasses(
  ledger: OpenBreakGlasses,
  nowEpochMs: number,
): Promise<readonly OpenBreakGlass[]> {
  return (await collect(ledger.open(nowEpochMs))).sort(
    (one, other) =>
      one.expiresAtEpochMs - other.expiresAtEpochMs ||
      compareTexts(doorPlaceText(one.place), doorPlaceText(other.place)),
  );
}

export const BREAK_GLASS = 'Break-glass: every image may start there';

export const renderBreakGlasses = (open: readonly OpenBreakGlass[]): string =>
  table(open, [
    { title: 'cluster or namespace', value: ({ place }) => doorPlaceText(place) },
    { title: 'until', value: ({ expiresAtEpochMs }) => instant(expiresAtEpochMs), colour: () => 'yellow' },
    { title: 'author', value: ({ author }) => author },
    { title: 'begun by', value: ({ by }) => by },
    { title: 'reason', value: ({ reason }) => reason },
  ]);
