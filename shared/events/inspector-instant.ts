const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Tue Nov 24 16:55:38.411 UTC 2026` */
const LONG = /^\w{3} (\w{3}) (\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))? (?:UTC|GMT|Z) (\d{4})$/;
/** `Dec 3, 2021, 6:02:30 PM` */
const SHORT = /^(\w{3}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d{2}):(\d{2})[\s\u202f](AM|PM)$/;
const ISO = /^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})$/;

/**
 * An instant as Amazon Inspector writes it in events: in ISO 8601, or in one of the two forms of its guide, both in
 * UTC. `undefined` for any other text. https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
 */
export function inspectorInstant(text: string): number | undefined {
  if (ISO.test(text)) return valid(Date.parse(text));
  const [, longMonth, longDay, hour, minute, second, fraction = '0', longYear] = LONG.exec(text) ?? [];
  if (longMonth !== undefined)
    return instantOf(longMonth, [longYear, longDay, hour, minute, second, fraction.padEnd(3, '0')].map(Number));
  const [, month, day, year, hours, minutes, seconds, half] = SHORT.exec(text) ?? [];
  if (month === undefined) return undefined;
  const hourOfDay = (Number(hours) % 12) + (half === 'PM' ? 12 : 0);
  return instantOf(month, [...[year, day].map(Number), hourOfDay, ...[minutes, seconds].map(Number), 0]);
}

function instantOf(month: string, [year = 0, day, hour, minute, second, millisecond]: readonly number[]) {
  const index = MONTHS.indexOf(month);
  return index < 0 ? undefined : valid(Date.UTC(year, index, day, hour, minute, second, millisecond));
}

const valid = (epochMs: number): number | undefined => (Number.isNaN(epochMs) ? undefined : epochMs);
