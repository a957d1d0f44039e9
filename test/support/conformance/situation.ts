import type { BreakGlass } from '../../../shared/domain/admission/admit.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import type { ScanReason } from '../../../shared/domain/scan/scan.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { DAY_MS, HOUR_MS } from '../samples.ts';
import type { ReferenceTables } from './reference-table.ts';

/*
 * What a door is asked, and what enforcement/reference.json answers. It knows nothing of `admit`, and of no code that `admit`
 * uses: how a reference reads is a statement of the case, and a deadline is compared with the instant here.
 */

/** How a reference reads, as its author states it. */
export interface ReadAs {
  readonly reference: 'unreadable' | 'tag' | 'digest';
  readonly registry: 'none' | 'approved' | 'aws' | 'other';
}

/** One image that is asked for. */
export interface AskedReference extends ReadAs {
  /** As written; absent if the object names none. */
  readonly text?: string;
  /** The digest in it. */
  readonly digest?: Digest;
}

export interface ExceptionChange {
  readonly change: 'set' | 'kept' | 'removed';
  readonly permitted: boolean;
  readonly value: 'none' | 'valid' | 'malformed' | 'passed' | 'too-far';
}

/** Everything that a decision depends on. */
export interface Situation {
  readonly mode: 'off' | 'warn' | 'deny';
  readonly subject: 'starts' | 'template' | 'static' | 'namespace';
  /** With the subject `namespace`: how the annotation changes that opens it. */
  readonly exception?: ExceptionChange;
  readonly requireDigest: boolean;
  readonly graceRunningDays: number;
  readonly asked: readonly AskedReference[];
  readonly policy: Policy;
  /** The ledger. */
  readonly images: ReadonlyMap<Digest, ImageRecord>;
  readonly indexes: ReadonlyMap<Digest, readonly { readonly digest: Digest }[]>;
  /** What runs in the namespace, or in the ECS cluster. */
  readonly running: ReadonlySet<Digest>;
  readonly breakGlass?: BreakGlass;
  readonly nowEpochMs: number;
}

/** A decision with the id of the rule that decided. */
export interface Expected {
  readonly decision: 'allow' | 'warn' | 'deny';
  readonly rule?: string;
}

interface Objection {
  readonly objection: string;
  readonly rule: string;
  /** Of the grace by which it only warns. */
  readonly endEpochMs: number;
}

/** What the tables decide on a situation: the first refusal of all references, else the first warning. */
export function decidedByTables(situation: Situation, tables: ReferenceTables): Expected {
  const { exception } = situation;
  if (exception) return decidedOn(exception, tables);
  const breakGlass = breakGlassOf(situation);
  const decided = situation.asked.map((asked) => {
    const { objection, rule } = worst(objectionsTo(asked, situation, tables));
    const decisionOn = (subject: string): string =>
      tables.answer('door', { mode: situation.mode, subject, objection, breakGlass }).decision ?? '';
    return { rule, started: decisionOn('starts'), decision: decisionOn(situation.subject) };
  });
  // A workload is warned of what its pods will be refused for.
  const [strictest] = ['deny', 'warn'].flatMap((one) => decided.find(({ started }) => started === one) ?? []);
  return strictest
    ? { decision: strictest.decision as Expected['decision'], rule: strictest.rule }
    : { decision: 'allow' };
}

function decidedOn({ change, permitted, value }: ExceptionChange, tables: ReferenceTables): Expected {
  const { decision, rule } = tables.answer('exception', { change, permitted: permitted ? 'yes' : 'no', value });
  return { decision: decision as Expected['decision'], ...(rule !== undefined && rule !== 'none' && { rule }) };
}

function breakGlassOf({ breakGlass, nowEpochMs }: Situation): string {
  if (!breakGlass) return 'none';
  return nowEpochMs < breakGlass.expiresAtEpochMs ? 'in-force' : 'expired';
}

const worst = (objections: readonly Objection[]): Objection =>
  objections.find(({ objection }) => objection === 'refuses') ??
  objections
    .filter(({ objection }) => objection === 'warns')
    .toSorted((one, other) => one.endEpochMs - other.endEpochMs)[0] ?? {
    objection: 'none',
    rule: 'none',
    endEpochMs: NEVER,
  };

/** Later than every grace ends. */
const NEVER = Number.MAX_SAFE_INTEGER;

function objectionsTo(asked: AskedReference, situation: Situation, tables: ReferenceTables): readonly Objection[] {
  const { reference, registry, digest } = asked;
  const requireDigest = situation.requireDigest ? 'yes' : 'no';
  const { objection = '', rule = '' } = tables.answer('reference', { reference, registry, requireDigest });
  if (objection !== 'by-its-facts' || digest === undefined)
    return [
      {
        endEpochMs: NEVER,
        objection,
        rule: rule === 'approved-registries' ? (situation.policy.approvedRegistries?.id ?? rule) : rule,
      },
    ];
  const children = situation.indexes.get(digest) ?? [];
  const images = children.length > 0 ? [...new Set(children.map((child) => child.digest))] : [digest];
  const runsHere = [digest, ...images].some((one) => situation.running.has(one)) ? 'yes' : 'no';
  return images.flatMap((image) =>
    factsOn(situation.images.get(image), situation, tables).map((fact) => {
      const { kind, against, grace, endEpochMs } = fact;
      const answer = tables.answer('fact', { kind, against, runsHere, grace });
      const { objection: says = '', rule: cites = '' } = answer;
      return { objection: says, rule: cites === 'cited' ? fact.rule : cites, endEpochMs };
    }),
  );
}

/** One fact about an image, as the table `fact` takes it. */
interface Fact {
  readonly kind: string;
  readonly against: string;
  readonly grace: string;
  /** Of the grace. */
  readonly endEpochMs: number;
  /** Of the recorded reason. */
  readonly rule: string;
}

/** The facts in the order in which they count: recorded reasons, a verdict to renew, an old scan, a breach since. */
function factsOn(record: ImageRecord | undefined, situation: Situation, tables: ReferenceTables): readonly Fact[] {
  const alone = (kind: string): Fact => ({ kind, against: 'yes', grace: 'none', rule: 'none', endEpochMs: NEVER });
  if (!record) return [alone('no-record')];
  const { verdict, judgedAtEpochMs } = record;
  if (!verdict) return [alone('no-verdict')];
  const scan = scanOf(record, situation, tables);
  const reasons = verdict.reasons.map((reason) => reasonFact(reason, record, scan, situation, tables));
  const others = (kind: string): Fact => ({
    ...{ kind, against: 'yes', rule: 'none' },
    ...graceOf({ kind, waiver: 'none', scan }, { record }, situation, tables),
  });
  const isScanNamed = verdict.reasons.some(({ kind }) => kind === 'scan');
  const isStanding = reasons.some(({ against, violates }) => against === 'yes' && violates);
  const { nextBreachAtEpochMs = Number.POSITIVE_INFINITY } = verdict;
  return [
    ...reasons,
    ...(judgedAtEpochMs === undefined ? [others('renewal')] : []),
    ...(isScanNamed || scan === 'counts' ? [] : [others('old-scan')]),
    ...(nextBreachAtEpochMs <= situation.nowEpochMs && !isStanding ? [others('breach')] : []),
    ...(verdict.status !== 'compliant' && reasons.every(({ decides }) => !decides) ? [alone('no-reason')] : []),
  ];
}

function reasonFact(
  reason: Reason,
  record: ImageRecord,
  scan: string,
  situation: Situation,
  tables: ReferenceTables,
): Fact & { readonly violates: boolean; readonly decides: boolean } {
  const { effect, deadlineEpochMs, ruleId } = reason;
  const isRefused =
    reason.kind === 'scan' && reason.scanReason !== undefined && !KEEPS_THE_RESULT.has(reason.scanReason);
  const kind = isRefused ? 'refused-scan' : reason.kind;
  const deadline =
    deadlineEpochMs === undefined ? 'none' : deadlineEpochMs <= situation.nowEpochMs ? 'passed' : 'ahead';
  const waiver = waiverOf(reason, situation);
  const { against = '' } = tables.answer('effect', { effect, deadline, waiver });
  const grace = graceOf({ kind, waiver, scan }, { record, reason }, situation, tables);
  return {
    ...{ kind, against, ...grace, rule: ruleId },
    violates: effect !== 'unknown' && reason.kind !== 'registry',
    decides: effect === 'violates' || effect === 'unknown',
  };
}

/** A waiver holds to the end of its last day. */
const waiverEnd = (reason: Reason, { policy }: Situation): number | undefined => {
  const waiver = policy.waivers.find(({ id }) => id === reason.waiverId);
  return waiver && Date.parse(`${waiver.expires}T00:00:00Z`) + DAY_MS;
};

/** When waivers of the reason ended: those of the policy, which cover every image here, and what the verdict says of ancestors. */
const endsOfWaivers = (
  { ruleId, waivedUntilEpochMs = 0 }: Reason,
  { policy, nowEpochMs }: Situation,
): readonly number[] => [
  ...policy.waivers
    .filter(({ rule }) => rule === ruleId)
    .map(({ expires }) => Date.parse(`${expires}T00:00:00Z`) + DAY_MS)
    .filter((endEpochMs) => endEpochMs <= nowEpochMs),
  Math.min(waivedUntilEpochMs, nowEpochMs),
];

function waiverOf(reason: Reason, situation: Situation): string {
  if (reason.effect !== 'waived') return 'none';
  const endEpochMs = waiverEnd(reason, situation);
  if (endEpochMs === undefined) return 'removed';
  return endEpochMs <= situation.nowEpochMs ? 'ended' : 'in-force';
}

/** The registry starts no scan now, and says nothing against the last result. */
const KEEPS_THE_RESULT: ReadonlySet<ScanReason> = new Set(['quota-or-scanned', 'enhanced']);

const resultOf = ({ scan: { completedAtEpochMs, watchedAtEpochMs = 0 } }: ImageRecord): number | undefined =>
  completedAtEpochMs === undefined ? undefined : Math.max(completedAtEpochMs, watchedAtEpochMs);

function scanOf(record: ImageRecord, { policy, nowEpochMs }: Situation, tables: ReferenceTables): string {
  const { state, reason } = record.scan;
  const resultAtEpochMs = resultOf(record);
  const isOld = resultAtEpochMs !== undefined && nowEpochMs > resultAtEpochMs + policy.staleScanHours * HOUR_MS;
  const result = resultAtEpochMs === undefined ? 'none' : isOld ? 'old' : 'fresh';
  const refusal = reason === undefined ? 'none' : KEEPS_THE_RESULT.has(reason) ? 'keeps-the-result' : 'other';
  return tables.answer('scan', { state, refusal, result }).scan ?? '';
}

function graceOf(
  inputs: { readonly kind: string; readonly waiver: string; readonly scan: string },
  { record, reason }: { readonly record: ImageRecord; readonly reason?: Reason },
  situation: Situation,
  tables: ReferenceTables,
): Pick<Fact, 'grace' | 'endEpochMs'> {
  const { since = '' } = tables.answer('since', inputs);
  const resultAtEpochMs = resultOf(record);
  const instants: Readonly<Record<string, number | undefined>> = {
    deadline: reason?.deadlineEpochMs,
    'end-of-waiver': reason && waiverEnd(reason, situation),
    // The clock that judged may have been ahead of this one.
    judgement: Math.min(record.judgedAtEpochMs ?? 0, situation.nowEpochMs),
    'end-of-scan':
      resultAtEpochMs === undefined ? undefined : resultAtEpochMs + situation.policy.staleScanHours * HOUR_MS,
    'last-result': resultAtEpochMs,
    breach: record.verdict?.nextBreachAtEpochMs,
  };
  const sinceEpochMs = instants[since];
  if (sinceEpochMs === undefined) return { grace: 'none', endEpochMs: NEVER };
  const isTimed = reason?.kind === 'age' || reason?.kind === 'finding';
  const covered = isTimed ? endsOfWaivers(reason, situation) : [];
  const endEpochMs = Math.max(sinceEpochMs, ...covered) + situation.graceRunningDays * DAY_MS;
  return { grace: situation.nowEpochMs < endEpochMs ? 'left' : 'over', endEpochMs };
}
