import { presencesEnded, presencesSeen } from '../../../functions/inventory/running-images.ts';
import type { Presence } from '../../../shared/domain/admission/standing.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { SCAN_STATES, type ScanReason, type ScanState, type ScanStateName } from '../../../shared/domain/scan/scan.ts';
import { SCAN_REASONS } from '../../../shared/domain/scan/scan-reasons.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { withJudgement } from '../../../shared/domain/verdict/image-updates.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { FakeRunning } from '../fakes/running.ts';
import { alone, DAY_MS, digestOf, findingReason, HOUR_MS, imageProperties, NOON_EPOCH_MS, usage } from '../samples.ts';
import { type ConformanceCase, casesPolicy } from './cases.ts';
import type { Expected } from './situation.ts';
import { SCANS_WITH_RESULT, STANDING_TABLE } from './standing-table.ts';

/*
 * Every scan state and reason, with where an image ran, how it began there, what speaks against it since when, and how it is named.
 * Its records and presences are what readings and judgements make of that past.
 */

const NAMED = ['tag', 'digest'] as const;
const RAN = ['runs', 'ran 3 days ago', 'ran 20 days ago', 'never'] as const;
const BEGAN_HOW = ['in good standing', 'by break-glass', 'under warn'] as const;
const OBJECTIONS = ['fact', 'doubt', 'new rule'] as const;
const SINCES = ['a day ago', '15 days ago'] as const;

/** One row of the product. */
export interface StandingRow {
  readonly state: ScanStateName;
  readonly reason?: ScanReason;
  readonly ran: (typeof RAN)[number];
  readonly began: (typeof BEGAN_HOW)[number];
  readonly objection: (typeof OBJECTIONS)[number] | 'nothing';
  readonly since: (typeof SINCES)[number];
  readonly named: (typeof NAMED)[number];
}

const REASONS: readonly (ScanReason | undefined)[] = [undefined, ...(Object.keys(SCAN_REASONS) as ScanReason[])];

/** What a scanner may say of a scan, as far as a door cares: each state alone, and each reason once. */
export const isAttested = ({ state, reason }: StandingRow): boolean =>
  reason === undefined || (SCAN_STATES.indexOf(state) + REASONS.indexOf(reason)) % SCAN_STATES.length === 0;

/** The whole product; with `nothing` only where the last scan counts, because otherwise there is a doubt. */
export function* standingRows(): Generator<StandingRow> {
  for (const state of SCAN_STATES)
    for (const reason of REASONS) {
      const scan = { state, ...(reason !== undefined && { reason }) };
      for (const ran of RAN)
        for (const named of NAMED) {
          if (isResult(scan))
            yield { ...scan, ran, named, began: 'in good standing', objection: 'nothing', since: 'a day ago' };
          for (const began of BEGAN_HOW)
            for (const objection of OBJECTIONS)
              for (const since of SINCES) yield { ...scan, ran, began, objection, since, named };
        }
    }
}

export const textOfRow = ({ named, ran, began, objection, since, state, reason }: StandingRow): string =>
  [named, ran, began, objection, since, state, reason ?? '-'].join(' · ');

const fits = (pattern: string, value: string): boolean => pattern === '*' || pattern === value;

const isResult = ({ state, reason = '-' }: { readonly state: string; readonly reason?: string }): boolean =>
  SCANS_WITH_RESULT.some(([one, because]) => fits(one, state) && fits(because, reason));

/** The line of the table by hand that decides a row. @throws if none fits */
export function lineOf(row: StandingRow): (typeof STANDING_TABLE)[number] {
  const { named, ran, began, objection, since } = row;
  const values = [named, ran, began, objection, since];
  const line = STANDING_TABLE.find((one) => values.every((value, n) => fits(one[n] ?? '', value)));
  if (!line) throw new Error(`no line of the table fits ${textOfRow(row)}`);
  return line;
}

/** What the table owes a row. */
export const owedBy = (row: StandingRow): Expected['decision'] => lineOf(row)[5];

const MINUTE_MS = 60_000;
const NOW = NOON_EPOCH_MS;
const IMAGE = 'standing';
const DIGEST = digestOf(IMAGE);
const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };
const NAME = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/web';
const BEGAN = NOW - 30 * DAY_MS;

const sinceOf = ({ since }: StandingRow): number => NOW - (since === 'a day ago' ? DAY_MS : 15 * DAY_MS);

/** A row as it is put to the doors. */
export async function caseOfRow(row: StandingRow): Promise<ConformanceCase> {
  const text = row.named === 'tag' ? `${NAME}:v1` : `${NAME}@${DIGEST}`;
  const containers = [{ name: 'c0', image: text }];
  const metadata = { name: 'web', namespace: PLACE.namespace };
  return {
    ...{ id: textOfRow(row), title: textOfRow(row), subject: 'standing', place: PLACE, runsElsewhere: [] },
    review: { kind: 'Pod', operation: 'CREATE', dryRun: false, object: { metadata, spec: { containers } } },
    task: { containerDefinitions: containers },
    situation: {
      ...{ mode: 'deny', requireDigest: true, subject: 'starts', nowEpochMs: NOW, graceRunningDays: 14 },
      asked: [{ text, reference: row.named, registry: 'approved', ...(row.named === 'digest' && { digest: DIGEST }) }],
      ...{ policy: casesPolicy, images: new Map([[DIGEST, recordOf(row)]]), indexes: new Map() },
      presences: new Map((await presenceOf(row)).map((presence) => [DIGEST, presence])),
    },
    expect: { decision: owedBy(row) },
  };
}

/* The image as its judgements leave it. */

const complete = (atEpochMs: number): ScanState => ({
  ...{ state: 'complete', completedAtEpochMs: atEpochMs, coverage: ['os'] },
});

function judged(before: ImageRecord, atEpochMs: number, scan: ScanState, reasons: readonly Reason[]): ImageRecord {
  const effects = reasons.map(({ effect }) => effect);
  const status = effects.includes('violates') ? 'violating' : effects.includes('unknown') ? 'unknown' : 'compliant';
  const verdict = { status, reasons, policyVersion: 'policy-1' } as const;
  const after = withJudgement(before, { digest: DIGEST, scan, verdict, judgedAtEpochMs: atEpochMs });
  if (!after) throw new Error('the judgement is outdated');
  return after;
}

const properties = imageProperties(IMAGE);
const UNJUDGED: ImageRecord = {
  ...{ ...properties, inUse: false, isHead: false, lineage: alone(properties) },
  scan: { state: 'off', reason: 'never-scanned', coverage: [] },
};

/** As it was when it began: something forbade it already, unless it began in good standing. */
function recordAtBeginning({ began, objection }: StandingRow): ImageRecord {
  if (began === 'in good standing') return judged(UNJUDGED, BEGAN - HOUR_MS, complete(BEGAN - HOUR_MS), []);
  if (objection === 'doubt') return judged(UNJUDGED, BEGAN - HOUR_MS, FAILED, [scanReason(FAILED)]);
  const reasons = reasonsOf(objection, BEGAN - DAY_MS);
  return judged(UNJUDGED, BEGAN - HOUR_MS, complete(BEGAN - HOUR_MS), reasons);
}

const FAILED: ScanState = { state: 'failed', reason: 'scan-failed', coverage: [] };

const records = new Map<string, ImageRecord>();

/** As it is now. */
function recordOf(row: StandingRow): ImageRecord {
  const key = textOfRow({ ...row, named: 'digest', ran: 'runs' });
  const known = records.get(key);
  if (known) return known;
  const made = recordNow(row);
  records.set(key, made);
  return made;
}

function recordNow(row: StandingRow): ImageRecord {
  const { state, reason, began, objection } = row;
  const isKnown = isResult(row);
  const since = sinceOf(row);
  const isGood = began === 'in good standing';
  const beginning = recordAtBeginning(row);
  const before = isGood ? lastGood(beginning, row, since) : beginning;
  const resultAtEpochMs = isKnown ? NOW - HOUR_MS : isGood ? since : BEGAN - HOUR_MS;
  // A doubt of the beginning that goes on: there never was a result.
  const hasResult = isKnown || isGood || objection !== 'doubt';
  const scan: ScanState = {
    ...{ state, coverage: ['os'] },
    ...(reason !== undefined && { reason }),
    ...(hasResult && { completedAtEpochMs: resultAtEpochMs }),
    ...(state === 'continuous' && { watchedAtEpochMs: resultAtEpochMs }),
  };
  const reasons = [
    ...reasonsOf(objection, isGood ? since : BEGAN - DAY_MS),
    ...(isKnown ? [] : [scanReason(scan)]),
    ...(objection === 'doubt' && isKnown ? [UNREAD] : []),
  ];
  return judged(before, NOW - HOUR_MS, scan, reasons);
}

/** Its last good result, and the judgement after it. */
function lastGood(beginning: ImageRecord, { objection }: StandingRow, sinceEpochMs: number): ImageRecord {
  const good = judged(beginning, sinceEpochMs, complete(sinceEpochMs), []);
  if (objection === 'nothing') return good;
  const reasons = objection === 'doubt' ? [UNREAD] : reasonsOf(objection, sinceEpochMs);
  return judged(good, sinceEpochMs + MINUTE_MS, complete(sinceEpochMs), reasons);
}

const UNREAD: Reason = { ruleId: 'age-known', kind: 'age-unknown', effect: 'unknown', isLineageUnread: true };

const scanReason = ({ state, reason }: ScanState): Reason => ({
  ...{ ruleId: 'scan-required', kind: 'scan', effect: 'unknown', state },
  ...(reason !== undefined && { scanReason: reason }),
});

/** Of the rule `critical` in the policy of the cases. */
const GRACE_MS = 7 * DAY_MS;

function reasonsOf(objection: StandingRow['objection'], sinceEpochMs: number): readonly Reason[] {
  if (objection === 'fact')
    return [{ ...findingReason(1), firstSeenAtEpochMs: sinceEpochMs - GRACE_MS, deadlineEpochMs: sinceEpochMs }];
  if (objection !== 'new rule') return [];
  return [{ ruleId: 'non-root', kind: 'user', effect: 'violates', user: '', sinceEpochMs }];
}

/* Its presence as the readings of its place leave it. */

const presences = new Map<string, readonly Presence[]>();

async function presenceOf(row: StandingRow): Promise<readonly Presence[]> {
  const { ran, began, objection, since } = row;
  if (ran === 'never') return [];
  const key = [ran, began, objection, since].join();
  const known = presences.get(key);
  if (known) return known;
  const running = new FakeRunning();
  const { namespace, ...cluster } = PLACE;
  const own = usage(IMAGE, {
    ...{ ...cluster, workloadKind: 'eks-deployment', workload: `${namespace}/web`, container: 'c0' },
    reference: `${NAME}@${DIGEST}`,
  });
  const neverOpen = async () => undefined;
  const read = async (atEpochMs: number, record: ImageRecord): Promise<void> => {
    const inForce = { policy: policyThen(row), version: record.verdict?.policyVersion ?? '', applied: [] };
    const reading = {
      inForce: async () => inForce,
      notBefore: new Map(),
      known: new Map([[DIGEST, record]]),
      isFirstReading: false,
      openUntil: neverOpen,
    };
    await running.record(await presencesSeen(running, [own], { ...reading, nowEpochMs: atEpochMs }));
  };
  await read(BEGAN, recordAtBeginning(row));
  await read(BEGAN + DAY_MS, recordAtBeginning(row));
  const daysAgo = ran === 'ran 3 days ago' ? 3 : 20;
  if (ran === 'runs') await read(NOW - HOUR_MS, recordOf(row));
  else await running.record(await presencesEnded(running, [own], [], NOW - daysAgo * DAY_MS));
  const found = [...(await running.presencesIn([DIGEST], PLACE)).values()];
  presences.set(key, found);
  return found;
}

/** While it began under a warning, the door denied nothing. */
const policyThen = ({ began }: StandingRow): Policy =>
  began === 'under warn' && casesPolicy.doors
    ? { ...casesPolicy, doors: { ...casesPolicy.doors, mode: 'warn' } }
    : casesPolicy;
