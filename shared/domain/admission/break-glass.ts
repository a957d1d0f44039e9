import * as v from '../../schema.ts';
import { cutText } from '../common/cut-text.ts';
import { HOUR_MS, instant } from '../common/time.ts';
import { visibleLine } from '../common/visible-text.ts';
import { BREAK_GLASS_ANNOTATION } from '../image/kubernetes-pod.ts';
import type { Doors } from '../policy/doors.ts';
import type { BreakGlass } from './admit.ts';
import { DOOR_RULES } from './door-rules.ts';

/** How long a place is open at most. */
export const MOST_HOURS_OPEN = 24;

/** When one stops to count. */
export const endOfOpening = ({
  expiresAtEpochMs,
  endedAtEpochMs = expiresAtEpochMs,
}: Pick<BreakGlass, 'expiresAtEpochMs'> & { readonly endedAtEpochMs?: number }): number =>
  Math.min(expiresAtEpochMs, endedAtEpochMs);

const line = (most: number) => v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(most));

const annotation = v.strictObject({ author: line(200), reason: line(1000), expires: v.isoInstant() });

/** What the value of an annotation says; `undefined` for one that is no break-glass. */
export function breakGlassIn(value: unknown): BreakGlass | undefined {
  const parsed = v.safeParse(annotation, jsonIn(value));
  if (!parsed.success) return undefined;
  const { author, reason, expires } = parsed.data;
  return { author, reason, expiresAtEpochMs: Date.parse(expires) };
}

export const isSameBreakGlass = (one: BreakGlass, other: BreakGlass | undefined): boolean =>
  one.author === other?.author && one.reason === other.reason && one.expiresAtEpochMs === other.expiresAtEpochMs;

/** What a change of the annotation means. */
export type BreakGlassChangeDecision =
  | { readonly change: 'none' | 'end' }
  | { readonly change: 'begin'; readonly breakGlass: BreakGlass }
  | { readonly change: 'refused'; readonly message: string };

export interface BreakGlassRequest {
  /** The value of the annotation; `undefined` if the namespace has none. */
  readonly asked: unknown;
  /** Its value before the change; `undefined` also for a new namespace. */
  readonly before: unknown;
  /** The groups of the person, as the API server authenticated them. */
  readonly groups: readonly string[];
  readonly doors: Pick<Doors, 'breakGlass'> | undefined;
  readonly nowEpochMs: number;
}

/** Whether a change of the annotation needs the policy: a removal, and a value that stays, need none. */
export const needsPermission = ({ asked, before }: Pick<BreakGlassRequest, 'asked' | 'before'>): boolean =>
  asked !== undefined && asked !== before;

/**
 * Decides on a change of the annotation. Anybody who may edit the namespace may remove it; only a group that the policy names
 * may set it, for at most a day.
 */
export function judgeBreakGlass(request: BreakGlassRequest): BreakGlassChangeDecision {
  const { asked, before, groups, doors, nowEpochMs } = request;
  if (asked === undefined) return { change: 'end' };
  if (!needsPermission({ asked, before })) return { change: 'none' };
  const permitted = doors?.breakGlass?.groups ?? [];
  if (!permitted.some((group) => groups.includes(group))) return refused(notPermitted(permitted));
  const parsed = v.safeParse(annotation, jsonIn(asked));
  if (!parsed.success)
    return refused(`${parsed.problems.map((one) => v.problemText(one)).join('; ')}. Write ${exampleAt(nowEpochMs)}.`);
  const { author, reason, expires } = parsed.data;
  const expiresAtEpochMs = Date.parse(expires);
  if (expiresAtEpochMs <= nowEpochMs) return refused(`\`expires\` has passed. It is ${instant(nowEpochMs)} now.`);
  const lastEpochMs = nowEpochMs + MOST_HOURS_OPEN * HOUR_MS;
  if (expiresAtEpochMs > lastEpochMs)
    return refused(`\`expires\` is more than ${MOST_HOURS_OPEN} hours ahead. Write at most ${instant(lastEpochMs)}.`);
  return { change: 'begin', breakGlass: { author, reason, expiresAtEpochMs } };
}

/** One that is accepted now, for who has no time to work an instant out. */
const exampleAt = (nowEpochMs: number): string => {
  const expires = new Date(nowEpochMs + HOUR_MS).toISOString().replace(/\.\d+Z$/, 'Z');
  return `{"author": "...", "reason": "...", "expires": "${expires}"}`;
};

const NOT_PERMITTED = 'you are in no group of doors.breakGlass.groups in the policy.';
const MOST_GROUPS = 3;

const notPermitted = (groups: readonly string[]): string =>
  groups.length === 0
    ? `${NOT_PERMITTED} It names none: change the policy.`
    : `${NOT_PERMITTED} Ask a member of ${groups.slice(0, MOST_GROUPS).join(' or ')}, or change the policy.`;

const refused = (problem: string): BreakGlassChangeDecision => ({
  change: 'refused',
  message: cutText(
    visibleLine(`The annotation ${BREAK_GLASS_ANNOTATION} is refused (${DOOR_RULES.breakGlass}): ${problem}`),
    1000,
  ),
});

/** `undefined` for anything that is no JSON text. */
function jsonIn(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
