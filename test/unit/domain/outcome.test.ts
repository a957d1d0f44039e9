import { PARENT_MOVED, type ParentMovedFact } from '../../../shared/domain/cause.ts';
import type { LookedAt } from '../../../shared/domain/holding.ts';
import { judgeOutcome, type Rebuilt } from '../../../shared/domain/outcome.ts';
import type { Reason } from '../../../shared/domain/verdict.ts';
import { fc } from '../../support/seeded.ts';
import {
  ageFact,
  anyFact,
  anyLooked,
  findingFact,
  looked,
  NO_AGE,
  NOT_SCANNED,
  personFact,
  reasonOf,
} from './acting.ts';
import { digestOf, HOUR, NOW } from './arbitraries.ts';

const fact = findingFact();
const two = findingFact('CVE-2');
const moved = (parent = 'base', head = 'new base'): ParentMovedFact => ({
  ...{ kind: 'parent-moved', ruleId: PARENT_MOVED, parent, head: digestOf(head), sinceEpochMs: NOW },
});
/** Somebody has looked what it stands on: on the head of that stream, or on an older image. */
const standing = (image: LookedAt, behind?: string): LookedAt => ({
  ...image,
  standing: behind === undefined ? {} : { behind: { stream: behind, head: digestOf('newer base') } },
});
const rebuilt = (changes: Partial<Rebuilt> = {}): Rebuilt => ({
  facts: [fact],
  output: [looked('new')],
  verifyDeadlineEpochMs: NOW + HOUR,
  ...changes,
});
const judged = (changes: Partial<Rebuilt>, nowEpochMs = NOW) => judgeOutcome(rebuilt(changes), nowEpochMs);

const unread = { ...looked('new', { ...NO_AGE, isLineageUnread: true } as Reason) };

test('an output that was judged before its lineage was read is judged again, whatever its cause', () => {
  expect(judged({ output: [standing(unread)] })).toMatchObject({ result: 'pending' });
  expect(judged({ output: [unread] })).toEqual({ result: 'fixed' });
});

test.each<[string, string, Partial<Rebuilt>]>([
  ['fixed', 'the pair is gone', {}],
  ['fixed', 'it is waived', { output: [looked('new', reasonOf(fact, 'waived'))] }],
  ['fixed', 'a vulnerability that was published meanwhile', { output: [looked('new', reasonOf(two))] }],
  ['fixed', 'a person asked, and nothing else', { facts: [personFact()], output: [looked('new', reasonOf(two))] }],
  ['fixed', 'an age that nobody asked about', { output: [looked('new', reasonOf(ageFact), NO_AGE)] }],
  ['ineffective', 'the pair is left', { output: [looked('new', reasonOf(fact))] }],
  ['ineffective', 'in another version', { output: [looked('new', reasonOf(findingFact('CVE-1', { version: '4' })))] }],
  ['ineffective', 'its grace begins anew', { output: [looked('new', reasonOf(fact, 'due'))] }],
  ['ineffective', 'on one of two platforms', { output: [looked('arm'), looked('amd', reasonOf(fact))] }],
  ['ineffective', 'it is still too old', { facts: [ageFact], output: [looked('new', reasonOf(ageFact))] }],
  ['fixed', 'it is young, with all that it stands on', { facts: [ageFact], output: [standing(looked('new'))] }],
  ['pending', 'it is young, and nobody has found yet what it stands on', { facts: [ageFact], output: [looked('new')] }],
  ['pending', 'its scan is awaited', { output: [looked('new', NOT_SCANNED)] }],
  ['pending', 'the scan of one platform is awaited', { output: [looked('arm'), looked('amd', NOT_SCANNED)] }],
  ['pending', 'the scan is awaited, the pair is left', { output: [looked('new', reasonOf(fact), NOT_SCANNED)] }],
  ['pending', 'nobody judged it', { output: [{ digest: digestOf('new') }] }],
  ['pending', 'nobody knows its age', { facts: [ageFact], output: [looked('new', NO_AGE)] }],
  ['no-output', 'nobody can prove what it made', { output: [] }],
])('%s: %s', (result, _, changes) => {
  expect(judged(changes).result).toBe(result);
});

test('an unverified output is one whose deadline passed; it says which image, and by when', () => {
  const output = [looked('arm'), looked('amd', NOT_SCANNED)];
  expect(judged({ output }, NOW + HOUR - 1).result).toBe('pending');
  expect(judged({ output }, NOW + HOUR)).toEqual({
    result: 'unverified',
    reason: `no complete scan and verdict of ${digestOf('amd')} by ${new Date(NOW + HOUR).toISOString()}`,
  });
});

test('only what is left is named', () => {
  expect(judged({ facts: [fact, two, ageFact], output: [standing(looked('new', reasonOf(two)))] })).toEqual({
    result: 'ineffective',
    left: [two],
  });
});

describe('worse', () => {
  const before = { vulnerability: 'CVE-7', package: 'openssl', version: '2.9' };
  const added = findingFact('CVE-8', { version: '3.1' });
  const output = [looked('new', reasonOf(added))];
  test.each<[string, string, Partial<Rebuilt>]>([
    ['worse', 'a new violating pair in a package whose version changed', { output, findingsBefore: [before] }],
    [
      'worse',
      'although another pair is left',
      { output: [looked('new', reasonOf(added), reasonOf(fact))], findingsBefore: [before] },
    ],
    [
      'fixed',
      'the package had that version before',
      { output, findingsBefore: [before, { ...before, version: '3.1' }] },
    ],
    [
      'fixed',
      'the pair was there before, in another version',
      { output, findingsBefore: [{ ...before, vulnerability: 'CVE-8' }] },
    ],
    [
      'fixed',
      'nobody knows which version the package had',
      { output, findingsBefore: [{ ...before, package: 'zlib' }] },
    ],
    ['fixed', 'nobody knows what was found before', { output }],
    ['fixed', 'it does not violate yet', { output: [looked('new', reasonOf(added, 'due'))], findingsBefore: [before] }],
    ['fixed', 'it is waived', { output: [looked('new', reasonOf(added, 'waived'))], findingsBefore: [before] }],
  ])('%s: %s', (result, _, changes) => {
    expect(judged(changes).result).toBe(result);
  });

  test('names each added fact once, however many platforms have it', () => {
    const twice = [looked('arm', reasonOf(added)), looked('amd', reasonOf(added))];
    expect(judged({ output: twice, findingsBefore: [before] })).toEqual({ result: 'worse', added: [added] });
  });
});

describe('a parent that moved', () => {
  const output = [standing(looked('new'))];
  const late = [standing(looked('new'), 'base')];
  test.each<[string, string, Partial<Rebuilt>]>([
    ['fixed', 'it was picked up', { facts: [moved()], output }],
    ['fixed', 'it was built in the same cascade', { facts: [{ ...moved(), head: undefined } as never], output }],
    ['fixed', 'it moved again meanwhile: that is another cause', { facts: [moved()], output: late }],
    ['fixed', 'another parent was not picked up', { facts: [moved()], output: late, pinnedTo: ['platform'] }],
    ['fixed', 'none was, and nobody asked', { output, pinnedTo: ['base'] }],
    ['fixed', 'nobody looked what it stands on, and nobody asked', {}],
    ['ineffective', 'it was not picked up', { facts: [moved()], output: late, pinnedTo: ['base'] }],
    ['ineffective', 'it was not, and its head went back meanwhile', { facts: [moved()], output, pinnedTo: ['base'] }],
    [
      'ineffective',
      'on one of two platforms',
      {
        facts: [moved()],
        output: [standing(looked('arm')), standing(looked('amd'), 'base')],
        pinnedTo: ['base'],
      },
    ],
    [
      'ineffective',
      'it was, and a pair is left',
      { facts: [fact, moved()], output: [standing(looked('new', reasonOf(fact)))] },
    ],
    ['pending', 'nobody knows what the output stands on', { facts: [moved()] }],
    ['pending', 'nobody knows it of one platform', { facts: [moved()], output: [looked('arm'), ...output] }],
    ['pending', 'nobody knows it, and it is pinned', { facts: [moved()], pinnedTo: ['base'] }],
    [
      'pending',
      'what it stands on is known, its scan is awaited',
      { facts: [moved()], output: [standing(looked('new', NOT_SCANNED))] },
    ],
    [
      'worse',
      'it was not picked up, and something was added',
      {
        facts: [moved()],
        output: [standing(looked('new', reasonOf(findingFact('CVE-8', { version: '3.1' }))), 'base')],
        pinnedTo: ['base'],
        findingsBefore: [{ vulnerability: 'CVE-7', package: 'openssl', version: '2.9' }],
      },
    ],
  ])('%s: %s', (result, _, changes) => {
    expect(judged(changes).result).toBe(result);
  });

  test('of several those alone are left that were not picked up, with whatever else is', () => {
    const facts = [fact, two, ageFact, personFact(), moved(), moved('platform')];
    const seen = [standing(looked('new', reasonOf(two)))];
    expect(judged({ facts, output: seen, pinnedTo: ['platform'] })).toEqual({
      result: 'ineffective',
      left: [two, moved('platform')],
    });
  });

  test('what nobody placed by the deadline is unverified, and never fixed', () => {
    expect(judged({ facts: [moved()] }, NOW + HOUR).result).toBe('unverified');
  });
});

test('every rebuild has exactly one outcome, the same in any order, and never fixed by what nobody saw', () => {
  const findings = fc.record({
    vulnerability: fc.constantFrom('CVE-1', 'CVE-2', 'CVE-3'),
    package: fc.constantFrom('openssl', 'zlib'),
    version: fc.constantFrom('2.9', '3.0'),
  });
  const anyMoved = fc.constantFrom('base', 'platform').map((parent) => moved(parent));
  const anyPlaced = fc
    .tuple(anyLooked, fc.constantFrom(undefined, 'on the head', 'base', 'platform'))
    .map(([image, on]) => (on === undefined ? image : standing(image, on === 'on the head' ? undefined : on)));
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 4, arbitrary: anyFact }, anyMoved), { maxLength: 3 }),
      fc.array(anyPlaced, { maxLength: 3 }),
      fc.option(fc.array(findings, { maxLength: 3 }), { nil: undefined }),
      fc.subarray(['base', 'platform']),
      fc.boolean(),
      (facts, output, findingsBefore, pinnedTo, isLate) => {
        const asked = { ...rebuilt({ facts, output, pinnedTo }), ...(findingsBefore && { findingsBefore }) };
        const now = isLate ? NOW + HOUR : NOW;
        const outcome = judgeOutcome(asked, now);
        seen.add(outcome.result);
        const reversed = {
          ...asked,
          output: [...output].reverse(),
          ...(findingsBefore && { findingsBefore: [...findingsBefore].reverse() }),
        };
        expect(judgeOutcome(reversed, now)).toEqual(outcome);
        const isUnseen = output.some(({ verdict }) => !verdict || verdict.reasons.some(({ kind }) => kind === 'scan'));
        const parents = facts.flatMap((one) => (one.kind === 'parent-moved' ? one.parent : []));
        const isUnplaced = parents.length > 0 && output.some((image) => !image.standing);
        if (outcome.result === 'fixed') expect(parents.filter((parent) => pinnedTo.includes(parent))).toEqual([]);
        if (isUnseen || isUnplaced || output.length === 0)
          expect(['pending', 'unverified', 'no-output']).toContain(outcome.result);
        if (isLate) expect(outcome.result).not.toBe('pending');
      },
    ),
    { numRuns: 1500 },
  );
  expect([...seen].sort()).toEqual(['fixed', 'ineffective', 'no-output', 'pending', 'unverified', 'worse']);
});
