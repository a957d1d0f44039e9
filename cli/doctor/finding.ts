/** Each check by its name, in the order of the output. */
export const CHECKS = [
  'stack',
  'outputs',
  'versions',
  'policy',
  'review',
  'scan-quota',
  'alarms',
  'queues',
  'wiring',
  'key',
  'read-roles',
  'acting-roles',
  'scanning',
  'forwarding',
  'bus-policy',
  'task-tokens',
  'start-time',
  'pull-times',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** `unknown`: the check could not be made. It never counts as `ok`. */
export type FindingState = 'ok' | 'broken' | 'unknown';

/** What one check found out about one resource. A check that finds nothing broken has one finding for all of its resources. */
export interface DoctorFinding {
  readonly check: CheckName;
  readonly state: FindingState;
  /** What was checked: the name of a queue, an account and Region, or the stack. */
  readonly resource: string;
  /** What happened to which resource. */
  readonly text: string;
  /** What a person does next; absent where `state` is `ok`. */
  readonly fix?: string;
}

/** The findings of one check, before they have its name. */
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

/** The findings that are not `ok`; where there are none, one that says what works. */
export const orOk = (found: readonly CheckFinding[], resource: string, text: string): readonly CheckFinding[] =>
  found.length > 0 ? found : [ok(resource, text)];
