import { readFileSync } from 'node:fs';
import { type Due, StartOracle } from './oracle.ts';
import type { PolicyText, Records, Start, TrueCopy, TrueSpan, TrueStay, WeekImage } from './records.ts';

/* What the oracle of the week owes, on records by hand: a review each night at 3, a scan in each, a grace of 7 days. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const BEGAN = Date.UTC(2026, 10, 20, 2);
const day = (days: number, hour = 0): number => Date.UTC(2026, 10, 20 + days, hour);
const NOW = day(9, 12);

const text = (changes: Partial<PolicyText> = {}): PolicyText => ({
  ...{ atEpochMs: BEGAN, graceRunningDays: 7, ageLimitDays: 30, findingGraceDays: 0, staleScanHours: 48 },
  ...{ rules: [], unapproved: [], warns: [], ...changes },
});
const image = (changes: Partial<WeekImage> = {}): WeekImage => ({
  ...{ name: 'web-v1', digest: 'web', contents: ['web'], repository: 'host/apps/web', tag: '3f9c2a1-17' },
  ...{ builtAtEpochMs: BEGAN - DAY_MS, pushedAtEpochMs: BEGAN - DAY_MS },
  ...{ isRoot: true, namesSource: true, isFlawed: true, ...changes },
});
const run = (fromEpochMs: number, toEpochMs?: number): TrueStay => ({
  ...{ place: 'shop', digest: 'web', fromEpochMs, ...(toEpochMs !== undefined && { toEpochMs }) },
});
const night = (n: number) => ({ fromEpochMs: day(n, 3), toEpochMs: day(n, 4) });

interface Told extends Partial<Records> {
  readonly image?: WeekImage;
  readonly scannedUntil?: number;
}

function oracleOf({ image: of = image(), scannedUntil = NOW, ...told }: Told): StartOracle {
  const nights = Array.from({ length: 10 }, (_, n) => night(n));
  const records: Records = {
    ...{ beganAtEpochMs: BEGAN, images: new Map([[of.digest, of]]), policies: [text()], runs: [run(BEGAN - DAY_MS)] },
    ...{ templates: [], copies: [], outages: [], unread: [], failing: new Map(), reviews: nights, openings: [] },
    scans: nights.flatMap(({ toEpochMs }) =>
      toEpochMs <= scannedUntil && toEpochMs > of.pushedAtEpochMs ? { digest: 'web', atEpochMs: toEpochMs } : [],
    ),
    ...told,
  };
  return new StartOracle(records);
}
const due = (told: Told): Due =>
  oracleOf(told).due({ atEpochMs: NOW, place: 'shop', digest: (told.image ?? image()).digest }).due;

const stricter = [text(), text({ atEpochMs: day(6), rules: ['nonRoot'] })];
const denied = { outages: [{ fromEpochMs: day(5), toEpochMs: day(11) }], scannedUntil: day(5) };
const began = (fromEpochMs: number, namedFromEpochMs?: number): Told => ({
  ...denied,
  runs: [{ ...run(fromEpochMs), ...(namedFromEpochMs !== undefined && { namedFromEpochMs }) }],
});
const OLD = image({ builtAtEpochMs: BEGAN - 40 * DAY_MS });

const copy = (atEpochMs: number, isTagged = true): TrueCopy => ({
  ...{ digest: 'web', atEpochMs, repository: 'host/apps/release', isTagged },
});
const ELSEWHERE: Told = {
  runs: [{ ...run(BEGAN), place: 'other' }],
  image: image({ pushedAtEpochMs: BEGAN + HOUR_MS }),
};
const TAGGED: Told = { policies: [text({ rules: ['tags'] })] };

test.each<[string, Due, Told]>([
  ['it runs, and nothing speaks against it', 'must-start', {}],
  ['it never ran there, and nothing speaks against it', 'is-free', { runs: [{ ...run(BEGAN), place: 'other' }] }],
  ['a flaw was published yesterday', 'must-start', { flawAtEpochMs: day(8, 1) }],
  ['the same, and it never ran there', 'must-not-start', { runs: [], flawAtEpochMs: day(8, 1) }],
  ['a flaw of an hour ago, which no scan has shown yet', 'open', { runs: [], flawAtEpochMs: day(9, 11) }],
  ['a flaw of nine days ago', 'must-end', { flawAtEpochMs: day(0, 1), runs: [run(BEGAN - DAY_MS)] }],
  ['a stricter rule since three days', 'must-start', { policies: stricter }],
  ['the same, and it never ran there', 'must-not-start', { policies: stricter, runs: [] }],
  ['the same, and it began since the rule', 'must-not-start', { policies: stricter, runs: [run(day(8, 5))] }],
  ['the same, and it began before the rule came', 'must-start', { policies: stricter, runs: [run(day(4, 5))] }],
  [
    'a stricter rule since eight days, loosened for a day',
    'must-end',
    {
      policies: [
        ...[text(), text({ atEpochMs: day(1), rules: ['nonRoot'] }), text({ atEpochMs: day(4) })],
        text({ atEpochMs: day(5), rules: ['nonRoot'] }),
      ],
    },
  ],
  ['scans may not be asked for since four days', 'must-start', denied],
  ['the same, and it ran until five days ago', 'must-start', { ...denied, runs: [run(BEGAN - DAY_MS, day(4, 12))] }],
  [
    'it ran until eight days ago, with a flaw',
    'must-not-start',
    { runs: [run(BEGAN, day(1, 5))], flawAtEpochMs: day(8, 1) },
  ],
  ['it was never scanned', 'must-not-start', { image: image({ pushedAtEpochMs: day(7) }), scannedUntil: 0, runs: [] }],
  ['scans denied, and it began on the day on which the doubt became certain', 'open', began(day(6, 8))],
  ['the same, and its cluster dates it after that', 'must-not-start', began(day(6, 8), day(6, 8))],
  ['scans denied, and it began on the day after', 'must-not-start', began(day(7, 8))],
  ['too old at the first review, nine days ago', 'must-end', { image: OLD }],
  ['the same with a grace of ten days', 'must-start', { image: OLD, policies: [text({ graceRunningDays: 10 })] }],
  ['too old, it began while the place was open', 'must-not-start', { image: OLD, runs: [run(day(7, 5))] }],
  [
    'the place is open now',
    'open',
    { image: OLD, runs: [], openings: [{ place: 'shop', fromEpochMs: day(9), toEpochMs: day(10) }] },
  ],
  ['the place only warns now', 'open', { image: OLD, runs: [], policies: [text({ warns: ['shop'] })] }],
  ['it was seen by no review', 'open', { runs: [run(day(7, 5), day(7, 9))], flawAtEpochMs: day(8, 1) }],
  ['it is copied elsewhere, with a tag', 'must-start', { copies: [copy(day(8, 12))] }],
  ['the same, and it runs nowhere else', 'is-free', { ...ELSEWHERE, copies: [copy(day(8, 12))] }],
  ['the same, within the last hour', 'open', { ...ELSEWHERE, copies: [copy(NOW - 60_000)] }],
  [
    'the same without a tag, which a rule asks for',
    'open',
    { ...ELSEWHERE, ...TAGGED, copies: [copy(day(8, 12), false)] },
  ],
  ['the same with its tag', 'is-free', { ...ELSEWHERE, ...TAGGED, copies: [copy(day(8, 12))] }],
  [
    'it ended more than a grace ago, and its cluster could not be read since',
    'open',
    { runs: [run(BEGAN, day(1, 5))], flawAtEpochMs: day(8, 1), unread: [{ fromEpochMs: day(2), toEpochMs: day(7) }] },
  ],
  [
    'a rule came after it ran nowhere within the grace',
    'open',
    {
      runs: [{ ...run(BEGAN, day(1, 5)), place: 'other' }],
      policies: [text(), text({ atEpochMs: day(8, 12), rules: ['nonRoot'] })],
    },
  ],
  [
    'no review saw it run, and its template was there',
    'must-start',
    { runs: [run(day(7, 5), day(7, 9))], templates: [run(BEGAN)], flawAtEpochMs: day(8, 1) },
  ],
])('%s: %s', (_, expected, told) => {
  expect(due(told)).toBe(expected);
});

/** Its grace ends at day(8, 5). */
const flawed = { flawAtEpochMs: day(1, 1) };

test.each<[string, number | undefined, Told]>([
  ['it runs', day(4, 4), flawed],
  ['it stopped more than five days before', undefined, { ...flawed, runs: [run(BEGAN - DAY_MS, day(3, 12))] }],
  ['it stopped a day later', day(4, 4), { ...flawed, runs: [run(BEGAN - DAY_MS, day(4, 12))] }],
  [
    'no review saw it run, and its template was there',
    day(4, 4),
    { ...flawed, runs: [run(day(0, 5), day(0, 6)), run(day(5, 5), day(5, 6))], templates: [run(BEGAN)] },
  ],
  ['the cluster could not be read', undefined, { ...flawed, unread: [{ fromEpochMs: day(4), toEpochMs: day(9) }] }],
  [
    'the place only warned until then',
    undefined,
    { ...flawed, policies: [text({ warns: ['shop'] }), text({ atEpochMs: day(8, 12) })] },
  ],
  ['its grace goes on', undefined, { flawAtEpochMs: day(3, 1) }],
])('a review announced the end of the grace: %s', (_, expected, told) => {
  expect(oracleOf(told).announcedBy({ atEpochMs: NOW, place: 'shop', digest: 'web' })).toBe(expected);
});

const ruled = text({ rules: ['nonRoot'] });
/** The grace of the rule ends before the doubt is certain. */
const LATE = { outages: [{ fromEpochMs: day(6), toEpochMs: day(11) }], scannedUntil: day(6) };
const LATE_STALE = { fromEpochMs: day(5, 4), toEpochMs: day(7, 5) };
const rulesUntil = (atEpochMs: number): Told => ({ ...denied, policies: [ruled, text({ atEpochMs })] });
const stale = { fromEpochMs: day(4, 4), toEpochMs: day(6, 5) };

test.each<[string, Told, Partial<Start>, TrueSpan | undefined]>([
  ['in its first hour', denied, {}, stale],
  ['before its first hour is over', denied, { atEpochMs: day(6, 4) }, undefined],
  ['in its first hour, where the grace of a rule went on', rulesUntil(day(6, 12)), {}, stale],
  [
    'by the next review, where a rule whose grace was over is taken away',
    { ...rulesUntil(day(8, 12)), ...LATE },
    {},
    { ...LATE_STALE, toEpochMs: day(9, 4) },
  ],
  ['never, before that review', { ...rulesUntil(day(8, 12)), ...LATE }, { atEpochMs: day(9, 2) }, undefined],
])('a doubt raises its alarm: %s', (_, told, start, expected) => {
  const owed = oracleOf(told).due({ atEpochMs: NOW, place: 'shop', digest: 'web', ...start });
  expect(owed.alarm).toEqual(expected);
});

test('a rule that is taken away at the instant of a start forbids it no longer', () => {
  const policies = [ruled, text({ atEpochMs: NOW })];
  expect(due({ policies })).toBe('must-start');
  expect(due({ policies: [ruled] })).toBe('must-end');
});

test('the oracle imports nothing but records of the truth', () => {
  const importsOf = (file: string): readonly string[] =>
    [...readFileSync(new URL(file, import.meta.url), 'utf8').matchAll(/^import .* from '(.*)';$/gm)].map(
      ([, from = '']) => from,
    );
  expect(importsOf('./oracle.ts')).toEqual(['./records.ts']);
  expect(importsOf('./records.ts')).toEqual([]);
});
