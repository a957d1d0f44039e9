import type { CauseFact } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory, type Rebuild, type RebuildOutcome } from '../../../../shared/domain/cause/rebuild.ts';
import { dropUnfixable } from '../../../../shared/domain/guard/guard-facts.ts';
import { afterOutcome, afterReset } from '../../../../shared/domain/guard/rebuild-history.ts';
import { resumedBy, unscannedAfter } from '../../../../shared/domain/guard/unscanned-candidate.ts';
import { digestOf } from '../../../support/samples.ts';
import { findingFact, STREAM } from '../rollout/acting.ts';

const fact = findingFact();
const other = findingFact('CVE-2');
const HEAD = digestOf('head');
const UNSCANNED: RebuildOutcome = { result: 'unverified', reason: 'no scan', isUnscanned: true };
const rebuild = {
  ...{ rebuildId: 'r1', cascadeId: '0123456789ab-g1', facts: [fact, other] },
  ...{ headBefore: HEAD, parents: 'base=1', promotes: true as const },
} as const;
const asked = { facts: [fact] as readonly CauseFact[], headDigest: HEAD, parents: 'base=1' };
const history = afterOutcome(emptyHistory(STREAM), { rebuild, outcome: UNSCANNED, atEpochMs: 1 });

test('is resumed for its facts or fewer, on the same head and parents', () => {
  expect(resumedBy(history, asked)).toMatchObject({ rebuildId: 'r1' });
});

test.each<[string, Partial<typeof asked>]>([
  ['the head has moved', { headDigest: digestOf('theirs') }],
  ['a parent has moved', { parents: 'base=2' }],
  ['there is more to fix', { facts: [fact, findingFact('CVE-3')] }],
  ['a version has changed', { facts: [{ ...fact, version: '9' } as CauseFact] }],
])('is not resumed if %s', (_, changes) => {
  expect(resumedBy(history, { ...asked, ...changes })).toBeUndefined();
});

test('is forgotten after a reset, and once another rebuild has ended', () => {
  expect(resumedBy(afterReset(history, { by: 'ann', atEpochMs: 2, reason: 'again' }), asked)).toBeUndefined();
  const outcome = { result: 'failed', reason: 'exit 1' } as const;
  const after = afterOutcome(history, { rebuild: { ...rebuild, rebuildId: 'r2' }, outcome, atEpochMs: 2 });
  expect(resumedBy(after, asked)).toBeUndefined();
});

test('shows the parents that its output shows', () => {
  const builtOn = { parents: 'base=0' };
  expect(unscannedAfter({ rebuild: { ...rebuild, builtOn }, outcome: UNSCANNED })?.parents).toBe('base=0');
});

test.each<[string, Partial<Rebuild>, RebuildOutcome]>([
  ['no scan will come', {}, { result: 'unverified', reason: 'deleted' }],
  ['it was judged', {}, { result: 'ineffective', left: [fact] }],
])('is none if %s', (_, changes, outcome) => {
  expect(unscannedAfter({ rebuild: { ...rebuild, ...changes }, outcome })).toBeUndefined();
});

test('is none if its pipeline moves the tag itself', () => {
  const { promotes, ...own } = rebuild;
  expect(unscannedAfter({ rebuild: own, outcome: UNSCANNED })).toBeUndefined();
});

test('is resumed after the last attempt; a rebuild that would build is not allowed then', () => {
  const remembered = { history, parents: 'base=1', retryUnknownFixDays: 7, attempts: 1 };
  expect(dropUnfixable([fact], { ...remembered, isResumed: true }, 0)).toMatchObject({ fixable: [fact], dropped: [] });
  expect(dropUnfixable([fact], remembered, 0).dropped).toMatchObject([{ reason: 'attempts-exhausted' }]);
});

test('keeps the images whose scans do not cover a fact', () => {
  const outcome = { ...UNSCANNED, uncovered: [digestOf('new')] };
  expect(unscannedAfter({ rebuild, outcome })?.uncovered).toEqual([digestOf('new')]);
});
