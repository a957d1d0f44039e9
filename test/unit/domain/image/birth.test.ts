import {
  type Birth,
  type BirthEvidence,
  bornAfter,
  bornByHistory,
  determineBirth,
  evidenceIn,
  existedBy,
} from '../../../../shared/domain/image/birth.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, evidence, instants, NOW, runs } from '../arbitraries.ts';

const config = (atEpochMs: number): BirthEvidence => ({ kind: 'config-created', atEpochMs });
const annotation = (atEpochMs: number): BirthEvidence => ({ kind: 'annotation-created', atEpochMs });
const existed = (atEpochMs: number): BirthEvidence => ({ kind: 'existed-by', atEpochMs });
const pushedAgain = (atEpochMs: number): BirthEvidence => ({ kind: 'pushed-again', atEpochMs });
const push = (atEpochMs: number): BirthEvidence => ({ kind: 'first-push', atEpochMs });
const provenance = (atEpochMs: number): BirthEvidence => ({ kind: 'provenance', atEpochMs });
const bornAt = (birth: Birth): number | undefined => (birth.known ? birth.bornAtEpochMs : undefined);
/** A push of content that existed takes the meaning from other pushes. */
const dating = evidence.filter(({ kind }) => kind !== 'pushed-again');
const ago = (days: number) => NOW - days * DAY;

test.each<[string, BirthEvidence[], number | undefined, number | undefined]>([
  ['nothing known', [], undefined, undefined],
  ['the config alone', [config(ago(10))], undefined, ago(10)],
  ['the push alone', [], ago(5), ago(5)],
  ['the config before the push', [config(ago(10))], ago(5), ago(10)],
  ['the earliest of several', [config(ago(10)), annotation(ago(20))], ago(5), ago(20)],
  ['1970: reproducible build', [config(0)], ago(19), ago(19)],
  ['1970 and a second', [config(1000)], ago(19), ago(19)],
  ['1980: reproducible build', [config(Date.UTC(1980, 0, 1))], ago(19), ago(19)],
  ['0001: no instant at all', [config(Date.UTC(1, 0, 1))], ago(19), ago(19)],
  ['the last instant of 2012', [config(Date.UTC(2013, 0, 1) - 1)], ago(19), ago(19)],
  ['the first instant of 2013', [config(Date.UTC(2013, 0, 1))], ago(19), Date.UTC(2013, 0, 1)],
  ['after its first push', [config(ago(1))], ago(5), ago(5)],
  ['at its first push', [config(ago(5))], ago(5), ago(5)],
  ['in the future', [config(NOW + 1)], undefined, undefined],
  ['now', [config(NOW)], undefined, NOW],
  ['a push in the future', [config(ago(3))], NOW + DAY, ago(3)],
  ['no number', [config(Number.NaN)], undefined, undefined],
  ['a reproducible date and nothing else', [config(0), annotation(315_532_801_000)], undefined, undefined],
  ['only that it existed', [existed(ago(9))], undefined, undefined],
  ['that it existed before its own date', [config(ago(5)), existed(ago(9))], undefined, ago(9)],
  ['that it existed after its own date', [config(ago(9)), existed(ago(5))], undefined, ago(9)],
  ['provenance before it existed', [config(0), provenance(ago(9)), existed(ago(5))], undefined, ago(9)],
  ['provenance after it existed', [config(0), existed(ago(9)), provenance(ago(5))], undefined, undefined],
  ['provenance after it existed, and its push', [existed(ago(9)), provenance(ago(7))], ago(5), ago(9)],
  ['a push of content that existed for an unknown time', [pushedAgain(ago(5))], ago(5), undefined],
  ['a push after one of content that existed', [pushedAgain(ago(5))], ago(4), undefined],
  ['a push before one of content that existed', [pushedAgain(ago(5))], ago(9), ago(9)],
  ['the config, and a push of content that existed', [config(ago(9)), pushedAgain(ago(5))], ago(5), ago(9)],
  ['the earlier of two pushes', [push(ago(30))], ago(5), ago(30)],
])('%s', (_, all, firstPush, expected) => {
  expect(bornAt(determineBirth(all, NOW, firstPush))).toBe(expected);
});

test('says what it rests on, in a fixed order, each once', () => {
  expect(
    determineBirth([push(ago(5)), annotation(ago(8)), config(ago(9)), config(ago(9)), config(0)], NOW, ago(5)),
  ).toEqual({
    known: true,
    bornAtEpochMs: ago(9),
    evidence: [config(ago(9)), annotation(ago(8)), push(ago(5))],
  });
});

test('says what it could not believe', () => {
  expect(determineBirth([config(0)], NOW)).toEqual({ known: false, rejected: [config(0)] });
});

test('content without a birth date keeps the earliest instant by which it existed', () => {
  const undated = determineBirth([config(0)], NOW);
  const later = existedBy(undated, ago(3), NOW);
  expect(later).toEqual({ known: false, rejected: [config(0), existed(ago(3))] });
  expect(existedBy(later, ago(2), NOW)).toBe(later);
  expect(existedBy(later, ago(4), NOW)).toMatchObject({ rejected: [config(0), existed(ago(4)), existed(ago(3))] });
  for (const atEpochMs of [undefined, NOW + 1, 0]) expect(existedBy(undated, atEpochMs, NOW)).toBe(undated);
  const dated = determineBirth([config(ago(1))], NOW);
  expect(existedBy(dated, ago(3), NOW)).toBe(dated);
  const said = determineBirth([config(0), provenance(ago(4))], NOW);
  expect(existedBy(said, ago(3), NOW)).toBe(said);
  expect(existedBy(said, ago(5), NOW)).toMatchObject({ known: false });
});

test('nothing added to the evidence makes content younger, nor unknown unless it contradicts provenance', () => {
  fc.assert(
    fc.property(fc.array(dating, { maxLength: 6 }), fc.array(dating, { maxLength: 4 }), (some, more) => {
      const before = bornAt(determineBirth(some, NOW));
      const after = bornAt(determineBirth([...some, ...more], NOW));
      const isSaid = some.some(({ kind }) => kind === 'provenance') && more.some(({ kind }) => kind === 'existed-by');
      if (before === undefined || (after === undefined && isSaid)) return;
      expect(after).toBeLessThanOrEqual(before);
    }),
    { numRuns: 2000 },
  );
});

test('evidence in any order, repeated or taken up again, gives the same birth', () => {
  fc.assert(
    fc.property(fc.array(evidence, { maxLength: 6 }), fc.option(instants, { nil: undefined }), (all, firstPush) => {
      const birth = determineBirth(all, NOW, firstPush);
      expect(determineBirth([...all].reverse(), NOW, firstPush)).toEqual(birth);
      expect(determineBirth([...all, ...all], NOW, firstPush)).toEqual(birth);
      expect(determineBirth(birth.known ? birth.evidence : birth.rejected, NOW)).toEqual(birth);
    }),
    runs,
  );
});

test('a birth is never later than its first push nor in the future', () => {
  fc.assert(
    fc.property(fc.array(dating), instants, (all, firstPush) => {
      const birth = bornAt(determineBirth(all, NOW, firstPush));
      if (firstPush <= NOW) expect(birth).toBeLessThanOrEqual(firstPush);
      expect(birth ?? NOW).toBeLessThanOrEqual(NOW);
    }),
    runs,
  );
});

test.each<[string, BirthEvidence[], number[], number | undefined]>([
  ['nothing', [config(ago(10))], [], ago(10)],
  ['something older', [config(ago(10)), push(ago(5))], [ago(11)], ago(10)],
  ['something as old', [config(ago(10)), push(ago(5))], [ago(10)], ago(10)],
  [
    'something younger: the next evidence decides',
    [config(ago(10)), annotation(ago(7)), push(ago(5))],
    [ago(9)],
    ago(7),
  ],
  ['something that is as old as its push', [config(ago(10)), push(ago(5))], [ago(5)], ago(5)],
  ['something that is younger than its push', [config(ago(10)), push(ago(5))], [ago(4)], ago(10)],
  [
    'several: the youngest that can be',
    [config(ago(10)), annotation(ago(7)), push(ago(5))],
    [ago(4), ago(6), ago(9)],
    ago(5),
  ],
  ['something younger than all that is known', [config(ago(10))], [ago(9)], undefined],
  [
    'something younger than its date, where it only existed later',
    [config(ago(10)), existed(ago(5))],
    [ago(9)],
    undefined,
  ],
  ['something, and its birth is not known', [config(0)], [ago(9)], undefined],
])('born on top of %s', (_, all, below, expected) => {
  const birth = determineBirth(all, NOW);
  expect(bornAt(bornAfter(birth, below))).toBe(expected);
  expect(bornAt(bornAfter(birth, below.toReversed()))).toBe(expected);
});

test('a record without a birth still has the reported dates', () => {
  const birth = determineBirth([config(ago(10)), config(0)], NOW);
  expect(evidenceIn(birth)).toEqual([config(ago(10))]);
  expect(evidenceIn(bornAfter(birth, [ago(9)]))).toEqual([config(ago(10))]);
  expect(evidenceIn(determineBirth([config(0)], NOW))).toEqual([config(0)]);
});

test('an ancestor never makes a birth older, nor later than its first push', () => {
  fc.assert(
    fc.property(
      fc.array(dating, { maxLength: 6 }),
      fc.array(instants, { maxLength: 4 }),
      instants,
      (all, below, firstPush) => {
        const birth = determineBirth(all, NOW, firstPush);
        const after = bornAfter(birth, below);
        if (bornAt(after) !== undefined) expect(bornAt(after)).toBeGreaterThanOrEqual(bornAt(birth) ?? Number.NaN);
        if (firstPush <= NOW) expect(bornAt(after)).toBeLessThanOrEqual(firstPush);
      },
    ),
    { numRuns: 2000 },
  );
});

test.each<[string, BirthEvidence[], number[], number | undefined]>([
  ['the newest instant counts', [config(Date.UTC(1, 0, 1)), push(ago(5))], [ago(50), ago(40)], ago(40)],
  ['no instant after the first push', [push(ago(5))], [ago(40), ago(4)], ago(40)],
  ['no instant after it existed', [config(0), existed(ago(9))], [ago(40), ago(8)], ago(40)],
  ['no date of a reproducible build', [push(ago(5))], [0, Date.UTC(1, 0, 1)], ago(5)],
  ['no instant in the future', [config(0)], [NOW + 1], undefined],
  ['nothing without history', [push(ago(5))], [], ago(5)],
  ['not beside a build date', [config(ago(10)), push(ago(5))], [ago(40)], ago(10)],
])('by the history of its own layers: %s', (_, all, instants, expected) => {
  expect(bornAt(bornByHistory(determineBirth(all, NOW), instants, NOW))).toBe(expected);
});

test('layers that history dates stay older than an ancestor that was put below them later', () => {
  const birth = bornByHistory(determineBirth([config(Date.UTC(1, 0, 1)), push(ago(5))], NOW), [ago(40)], NOW);
  expect(birth).toMatchObject({ evidence: [{ kind: 'layer-history', atEpochMs: ago(40) }, push(ago(5))] });
  expect(bornAt(bornAfter(birth, [ago(10)]))).toBe(ago(40));
});
