import type { BreakGlass } from '../../../shared/domain/admission/admit.ts';
import type { Presence } from '../../../shared/domain/admission/standing.ts';
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
  /** Since when the policy is in force, if that is known. */
  readonly policySinceEpochMs?: number;
  /** The ledger. */
  readonly images: ReadonlyMap<Digest, ImageRecord>;
  readonly indexes: ReadonlyMap<Digest, readonly { readonly digest: Digest }[]>;
  /** What runs in the namespace, or in the ECS cluster, or ran there. */
  readonly presences: ReadonlyMap<Digest, Presence>;
  readonly breakGlass?: BreakGlass;
  /** By reference: what its tag names by its last reading. */
  readonly tags?: ReadonlyMap<string, { readonly digest: Digest; readonly readAtEpochMs: number }>;
  /** Present if the digests of tags are written that were read within so many days. */
  readonly pinsWithinDays?: number;
  /** Present if policy and ledger cannot be read: what the policy wants then. */
  readonly unread?: 'refuse' | 'allow';
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
  if (situation.unread) return decidedUnread(situation.unread, situation, tables);
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

/** Without a reading only the references count. */
function decidedUnread(onUnreachable: string, { mode, subject, asked }: Situation, tables: ReferenceTables): Expected {
  const images = asked.every(({ registry }) => registry === 'aws') ? 'of-aws' : 'others';
  const { decision, rule } = tables.answer('unread', { mode, subject, onUnreachable, images });
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
  const name = nameGrace(asked, situation, tables);
  const { objection = '', rule: cited = '' } = tables.answer('reference', { reference, registry, name: name.grace });
  const rule = cited === 'approved-registries' ? (situation.policy.approvedRegistries?.id ?? cited) : cited;
  if (objection === 'by-its-tag') return objectionsToTag(asked, situation, tables);
  if (digest === undefined || objection === 'none' || objection === 'refuses')
    return [{ endEpochMs: NEVER, objection, rule }];
  const byFacts = factObjections(digest, situation, tables);
  return objection === 'warns-and-by-its-facts'
    ? [{ endEpochMs: name.endEpochMs, objection: 'warns', rule }, ...byFacts]
    : byFacts;
}

/** The grace of a name that the policy does not approve: since the policy, for what is in good standing. */
function nameGrace(
  { digest }: AskedReference,
  situation: Situation,
  tables: ReferenceTables,
): { readonly grace: 'left' | 'none'; readonly endEpochMs: number } {
  const { policySinceEpochMs, graceRunningDays, nowEpochMs } = situation;
  const endEpochMs = (policySinceEpochMs ?? Number.NEGATIVE_INFINITY) + graceRunningDays * DAY_MS;
  const isGood = digest !== undefined && isGoodHere(digest, situation, tables);
  return { grace: isGood && nowEpochMs < endEpochMs ? 'left' : 'none', endEpochMs };
}

const imagesOf = (digest: Digest, { indexes }: Situation): readonly Digest[] => {
  const children = indexes.get(digest) ?? [];
  return children.length > 0 ? [...new Set(children.map((child) => child.digest))] : [digest];
};

/** Whether a digest, or an image of its index, is in good standing. */
const isGoodHere = (digest: Digest, situation: Situation, tables: ReferenceTables): boolean =>
  presentOf(digest, situation).some((one) => standingOf(one, situation, tables) === 'good');

/** What ran in the place. */
interface Present {
  readonly digest: Digest;
  readonly record: ImageRecord | undefined;
}

/** Of a digest and the images of its index, those that ran in the place. An index has no result: it is judged on its images. */
function presentOf(digest: Digest, situation: Situation): readonly Present[] {
  const images = imagesOf(digest, situation);
  const index = images.includes(digest) ? [] : [{ digest, record: undefined }];
  const each = [...index, ...images.map((image) => ({ digest: image, record: situation.images.get(image) }))];
  return each.filter((one) => situation.presences.has(one.digest));
}

/** A tag says what starts by its last reading, which may be wrong by now. */
function objectionsToTag(asked: AskedReference, situation: Situation, tables: ReferenceTables): readonly Objection[] {
  const { tags, pinsWithinDays, nowEpochMs, graceRunningDays } = situation;
  const reading = tags?.get(asked.text ?? '');
  const oldFrom = (reading?.readAtEpochMs ?? 0) + (pinsWithinDays ?? 0) * DAY_MS;
  const isOld = pinsWithinDays !== undefined && oldFrom <= nowEpochMs;
  const isGraced =
    reading && nowEpochMs < oldFrom + graceRunningDays * DAY_MS && isGoodHere(reading.digest, situation, tables);
  const { requirement = '', image } = tables.answer('tag', {
    pins: pinsWithinDays === undefined ? 'no' : 'yes',
    reading: !reading ? 'none' : !isOld ? 'current' : isGraced ? 'old-with-grace' : 'old',
    requireDigest: situation.requireDigest ? 'yes' : 'no',
  });
  const required: readonly Objection[] =
    requirement === 'none'
      ? []
      : [
          {
            objection: requirement === 'warns' ? 'warns' : 'refuses',
            rule: requirement === 'tag-current' ? 'tag-current' : 'digest-required',
            endEpochMs: NEVER,
          },
        ];
  if (!reading || image === 'unjudged') return required;
  const facts = factObjections(reading.digest, situation, tables);
  const judged = image === 'by-known-violations' ? facts.filter(({ isDoubt }) => !isDoubt) : facts;
  return requirement === 'tag-current' ? [...judged, ...required] : [...required, ...judged];
}

const DOUBTS: ReadonlySet<string> = new Set([
  ...['no-record', 'no-verdict', 'no-reason', 'renewal', 'scan', 'age-unknown', 'unread', 'policy', 'old-scan'],
]);

function factObjections(
  digest: Digest,
  situation: Situation,
  tables: ReferenceTables,
): readonly (Objection & { readonly isDoubt: boolean })[] {
  const images = imagesOf(digest, situation);
  const here = presentOf(digest, situation);
  return images.flatMap((image) => {
    // An image of an index that is in no good standing starts where another one of the index is. If it ran here itself, nothing must
    // have forbidden it when that other one began.
    const ranHere = here.some((one) => one.digest === image) && presenceText(image, situation) !== 'ran-long-ago';
    const standing = here.filter((one) => standingOf(one, situation, tables) === 'good');
    const own = standing.filter((one) => one.digest === image);
    const isOwn = own.length > 0;
    const record = situation.images.get(image);
    const good = isOwn
      ? own
      : standing.filter((one) => !ranHere || isSettledSince(one.digest, record, situation, tables));
    return factsOn(image, { isOwn, presence: latestCounting(good, situation) }, situation, tables).map((fact) => {
      const { kind, against, grace, endEpochMs } = fact;
      const answer = tables.answer('fact', { kind, against, standing: good.length > 0 ? 'good' : 'none', grace });
      const { objection: says = '', rule: cites = '' } = answer;
      return { objection: says, rule: cites === 'cited' ? fact.rule : cites, endEpochMs, isDoubt: DOUBTS.has(kind) };
    });
  });
}

function presenceText(digest: Digest, { presences, nowEpochMs, graceRunningDays }: Situation): string {
  const presence = presences.get(digest);
  if (!presence) return 'none';
  const { endedAtEpochMs } = presence;
  if (endedAtEpochMs === undefined) return 'runs';
  return nowEpochMs < endedAtEpochMs + graceRunningDays * DAY_MS ? 'ran' : 'ran-long-ago';
}

function standingOf({ digest, record }: Present, situation: Situation, tables: ReferenceTables): string {
  const { standing: began = 'unknown' } = situation.presences.get(digest) ?? {};
  const settled = isSettledSince(digest, record, situation, tables) ? 'yes' : 'no';
  return tables.answer('presence', { presence: presenceText(digest, situation), began, settled }).standing ?? '';
}

/** Whether a result shows that nothing forbade an image since something began. @param began of which the presence counts */
function isSettledSince(
  began: Digest,
  record: ImageRecord | undefined,
  situation: Situation,
  tables: ReferenceTables,
): boolean {
  const { beganAtEpochMs = 0, countsFromEpochMs } = situation.presences.get(began) ?? {};
  const untilEpochMs = record && (countsFromEpochMs === undefined ? goodUntil : knownUntil)(record, situation, tables);
  return untilEpochMs !== undefined && (countsFromEpochMs !== undefined || untilEpochMs >= beganAtEpochMs);
}

/** Of several good presences the one whose first reading is latest. */
const latestCounting = (good: readonly Present[], { presences }: Situation): Presence | undefined =>
  good
    .flatMap((one) => presences.get(one.digest) ?? [])
    .toSorted((one, other) => (other.countsFromEpochMs ?? 0) - (one.countsFromEpochMs ?? 0))[0];

/** Until when nothing about a record was in doubt. */
function knownUntil(record: ImageRecord, situation: Situation, tables: ReferenceTables): number | undefined {
  const { nowEpochMs } = situation;
  const { verdict, judgedAtEpochMs, lastKnown } = record;
  if (isKnown(record, situation, tables))
    return endOfResult({ untilEpochMs: nowEpochMs, ...resultAt(record) }, situation);
  if (lastKnown) return endOfResult(lastKnown, situation);
  // Versions before 0.3.0 recorded no end.
  const resultAtEpochMs = resultOf(record);
  if (!verdict || resultAtEpochMs === undefined) return undefined;
  return endOfResult({ untilEpochMs: judgedAtEpochMs ?? resultAtEpochMs, resultAtEpochMs }, situation);
}

/** Until when nothing forbade a record. A name elsewhere forbids nothing: a door judges the name that starts. */
function goodUntil(record: ImageRecord, situation: Situation, tables: ReferenceTables): number | undefined {
  const { verdict, lastGood } = record;
  const isGood =
    isKnown(record, situation, tables) &&
    verdict?.reasons.every(({ effect, kind }) => effect !== 'violates' || kind === 'registry') === true;
  if (!isGood) return lastGood && endOfResult(lastGood, situation);
  const untilEpochMs = Math.min(situation.nowEpochMs, verdict?.nextBreachAtEpochMs ?? NEVER);
  return endOfResult({ untilEpochMs, ...resultAt(record) }, situation);
}

/** Every reason is known, and when the image was judged its scan counted, however old. */
function isKnown({ verdict, judgedAtEpochMs, scan }: ImageRecord, _: Situation, tables: ReferenceTables): boolean {
  if (!verdict || judgedAtEpochMs === undefined) return false;
  if (verdict.reasons.some(({ effect, kind }) => effect === 'unknown' && kind !== 'digest-guessed')) return false;
  const isDecided = verdict.reasons.some(({ effect }) => effect === 'violates' || effect === 'unknown');
  const result = resultOf({ scan }) === undefined ? 'none' : 'fresh';
  const counts =
    tables.answer('scan', { state: scan.state, refusal: refusalOf(scan.reason), result }).scan === 'counts';
  return counts && (verdict.status === 'compliant' || isDecided);
}

const resultAt = (record: ImageRecord) => {
  const resultAtEpochMs = resultOf(record);
  return resultAtEpochMs === undefined ? {} : { resultAtEpochMs };
};

const endOfResult = (
  { untilEpochMs, resultAtEpochMs = NEVER }: NonNullable<ImageRecord['lastKnown']>,
  { policy }: Situation,
): number => Math.min(untilEpochMs, resultAtEpochMs + policy.staleScanHours * HOUR_MS);

/** By what an image is in good standing: its own presence, or that of another image of its index. */
interface Standing {
  readonly isOwn: boolean;
  readonly presence: Presence | undefined;
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
function factsOn(image: Digest, by: Standing, situation: Situation, tables: ReferenceTables): readonly Fact[] {
  const record = situation.images.get(image);
  const others = (kind: string): Fact => ({
    ...{ kind, against: 'yes', rule: 'none' },
    ...graceOf({ kind, waiver: 'none' }, { record, by }, situation, tables),
  });
  if (!record) return [others('no-record')];
  const { verdict, judgedAtEpochMs } = record;
  if (!verdict) return [others('no-verdict')];
  const scan = scanOf(record, situation, tables);
  const reasons = verdict.reasons.map((reason) => reasonFact(reason, { record, by }, situation, tables));
  const isScanNamed = verdict.reasons.some(({ kind }) => kind === 'scan');
  // A verdict that names the age says what is against it.
  const isAgeNamed = verdict.reasons.some(({ kind }) => kind === 'age');
  const { nextBreachAtEpochMs = Number.POSITIVE_INFINITY } = verdict;
  return [
    ...reasons,
    ...(judgedAtEpochMs === undefined ? [others('renewal')] : []),
    ...(isScanNamed || scan === 'counts' ? [] : [others('old-scan')]),
    ...(nextBreachAtEpochMs <= situation.nowEpochMs && !isAgeNamed ? [others('breach')] : []),
    ...(verdict.status !== 'compliant' && reasons.every(({ decides }) => !decides) ? [others('no-reason')] : []),
  ];
}

function reasonFact(
  reason: Reason,
  known: { readonly record: ImageRecord; readonly by: Standing },
  situation: Situation,
  tables: ReferenceTables,
): Fact & { readonly decides: boolean } {
  const { effect, deadlineEpochMs, ruleId } = reason;
  const kind = effect === 'unknown' && OF_CONTENT.has(reason.kind) ? 'unread' : reason.kind;
  const deadline =
    deadlineEpochMs === undefined ? 'none' : deadlineEpochMs <= situation.nowEpochMs ? 'passed' : 'ahead';
  const waiver = waiverOf(reason, situation);
  const { against = '' } = tables.answer('effect', { effect, deadline, waiver });
  const grace = graceOf({ kind, waiver }, { ...known, reason }, situation, tables);
  return {
    ...{ kind, against, ...grace, rule: ruleId },
    decides: effect === 'violates' || effect === 'unknown',
  };
}

const OF_CONTENT: ReadonlySet<Reason['kind']> = new Set(['age', 'finding', 'registry', 'source', 'user', 'tag']);

/** A waiver holds to the end of its last day. */
const waiverEnd = (reason: Reason, { policy }: Situation): number | undefined => {
  const waiver = policy.waivers.find(({ id }) => id === reason.waiverId);
  return waiver && Date.parse(`${waiver.expires}T00:00:00Z`) + DAY_MS;
};

/** When waivers of the reason ended: those of the policy, which cover every image here, and what the verdict says of ancestors. */
const endsOfWaivers = (
  { ruleId, waivedUntilEpochMs }: Reason,
  { policy, nowEpochMs }: Situation,
): readonly number[] => [
  ...policy.waivers
    .filter(({ rule }) => rule === ruleId)
    .map(({ expires }) => Date.parse(`${expires}T00:00:00Z`) + DAY_MS)
    .filter((endEpochMs) => endEpochMs <= nowEpochMs),
  ...(waivedUntilEpochMs === undefined ? [] : [Math.min(waivedUntilEpochMs, nowEpochMs)]),
];

function waiverOf(reason: Reason, situation: Situation): string {
  // A policy after the verdict may waive it too.
  if (reason.effect !== 'unknown' && isWaived(reason, situation)) return 'in-force';
  if (reason.effect !== 'waived') return 'none';
  const endEpochMs = waiverEnd(reason, situation);
  if (endEpochMs === undefined) return 'removed';
  return endEpochMs <= situation.nowEpochMs ? 'ended' : 'in-force';
}

const isWaived = ({ ruleId }: Reason, { policy, nowEpochMs }: Situation): boolean =>
  policy.waivers.some(
    ({ rule, created, expires }) =>
      rule === ruleId && Date.parse(created) <= nowEpochMs && nowEpochMs < Date.parse(`${expires}T00:00:00Z`) + DAY_MS,
  );

/** The registry starts no scan now, and says nothing against the last result. */
const KEEPS_THE_RESULT: ReadonlySet<ScanReason> = new Set(['quota-or-scanned', 'enhanced']);

const resultOf = ({
  scan: { completedAtEpochMs, watchedAtEpochMs = 0 },
}: Pick<ImageRecord, 'scan'>): number | undefined =>
  completedAtEpochMs === undefined ? undefined : Math.max(completedAtEpochMs, watchedAtEpochMs);

function scanOf(record: ImageRecord, { policy, nowEpochMs }: Situation, tables: ReferenceTables): string {
  const { state, reason } = record.scan;
  const resultAtEpochMs = resultOf(record);
  const isOld = resultAtEpochMs !== undefined && nowEpochMs > resultAtEpochMs + policy.staleScanHours * HOUR_MS;
  const result = resultAtEpochMs === undefined ? 'none' : isOld ? 'old' : 'fresh';
  return tables.answer('scan', { state, refusal: refusalOf(reason), result }).scan ?? '';
}

const refusalOf = (reason: ScanReason | undefined): string =>
  reason === undefined ? 'none' : KEEPS_THE_RESULT.has(reason) ? 'keeps-the-result' : 'other';

/** Objections to content that a verdict of an earlier version gave no instant. */
const RULES: ReadonlySet<Reason['kind']> = new Set(['source', 'user', 'tag']);

function graceOf(
  inputs: { readonly kind: string; readonly waiver: string },
  {
    record,
    reason,
    by: { isOwn, presence },
  }: {
    readonly record: ImageRecord | undefined;
    readonly reason?: Reason;
    readonly by: Standing;
  },
  situation: Situation,
  tables: ReferenceTables,
): Pick<Fact, 'grace' | 'endEpochMs'> {
  const { since = '' } = tables.answer('since', inputs);
  const { nowEpochMs, graceRunningDays } = situation;
  const waivers = reason && since !== 'end-of-result' ? endsOfWaivers(reason, situation) : [];
  const { policySinceEpochMs = [] } = situation;
  const isOldRule = reason && RULES.has(reason.kind) && reason.deadlineEpochMs === undefined;
  const recorded = [
    ...[reason?.deadlineEpochMs ?? [], waivers],
    reason?.sinceEpochMs ?? (isOldRule ? policySinceEpochMs : []),
  ].flat();
  // It had a good result after it began, so a doubt is younger.
  const began = isOwn && presence?.standing === 'good' ? presence.beganAtEpochMs : undefined;
  const instants: Readonly<Record<string, number | undefined>> = {
    recorded: recorded.length === 0 ? undefined : Math.max(...recorded),
    'end-of-waiver': reason && waiverEnd(reason, situation),
    // The clock that judged may have been ahead of this one.
    judgement: Math.min(record?.judgedAtEpochMs ?? 0, nowEpochMs),
    'end-of-result': (record && knownUntil(record, situation, tables)) ?? began,
    breach: record?.verdict?.nextBreachAtEpochMs,
  };
  const sinceEpochMs = instants[since];
  if (sinceEpochMs === undefined) return { grace: 'none', endEpochMs: NEVER };
  const isFact = ['age', 'finding', 'breach'].includes(inputs.kind);
  const counts = [sinceEpochMs, ...waivers, ...(reason?.sinceEpochMs === undefined ? [] : [reason.sinceEpochMs])];
  const first = isFact ? (presence?.countsFromEpochMs ?? 0) : 0;
  const startEpochMs = since === 'end-of-result' ? sinceEpochMs : Math.max(...counts, first);
  const endEpochMs = startEpochMs + graceRunningDays * DAY_MS;
  return { grace: nowEpochMs < endEpochMs ? 'left' : 'over', endEpochMs };
}
