import type { Fleet, FleetPolicyDocument } from './schema.ts';

const DAY_MS = 86_400_000;
const RELATIVE_DATE = /^today([+-]\d+)?$/;

/** The policy document of a fleet, every `today+60` in it replaced by the date it means at this instant. */
export function policyAt(fleet: Pick<Fleet, 'policy'>, nowEpochMs: number): FleetPolicyDocument {
  return Object.fromEntries(Object.entries(fleet.policy).map(([key, value]) => [key, withDates(value, nowEpochMs)]));
}

function withDates(value: unknown, nowEpochMs: number): unknown {
  if (typeof value === 'string') return dateOf(value, nowEpochMs);
  if (Array.isArray(value)) return value.map((item) => withDates(item, nowEpochMs));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDates(item, nowEpochMs)]));
}

function dateOf(text: string, nowEpochMs: number): string {
  const relative = RELATIVE_DATE.exec(text);
  if (relative === null) return text;
  return new Date(nowEpochMs + Number(relative[1] ?? 0) * DAY_MS).toISOString().slice(0, 10);
}
