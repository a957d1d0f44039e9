/** Names of the checks, in output order. */
export const CHECKS = [
  'stack',
  'outputs',
  'versions',
  'ledger',
  'policy',
  'review',
  'scan-quota',
  'alarms',
  'topics',
  'queues',
  'wiring',
  'key',
  'read-roles',
  'acting-roles',
  'scanning',
  'forwarding',
  'doors',
  'starts',
  'hooks',
  'bus-policy',
  'task-tokens',
  'start-time',
  'pull-times',
  'rolling-pauses',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** `unknown`: the check could not run. It never counts as `ok`. */
export type FindingState = 'ok' | 'broken' | 'unknown';

/** Result of one check for one resource. A check without problems has one finding for all its resources. */
export interface DoctorFinding {
  readonly check: CheckName;
  readonly state: FindingState;
  /** The checked resource: a queue name, an account and Region, or the stack. */
  readonly resource: string;
  /** The problem and its resource. */
  readonly text: string;
  /** Next step for a person; absent if `state` is `ok`. */
  readonly fix?: string;
}

/** Findings of one check, before its name is added. */
export type CheckFinding = Omit<DoctorFinding, 'check'>;

export const ok = (resource: string, text: string): CheckFinding => ({ state: 'ok', resource, text });
export const broken = (resource: string, text: string, fix: string): CheckFinding => ({
  state: 'broken',
  resource,
  text,
  fix,
});
export const unknown = (resource: string, text: string, fix: string): CheckFinding => ({
  state: 'unknown',
  resource,
  text,
  fix,
});

/** The findings that are not `ok`; without any, one that says what works. */
export const orOk = (found: readonly CheckFinding[], resource: string, text: string): readonly CheckFinding[] =>
  found.length > 0 ? found : [ok(resource, text)];
