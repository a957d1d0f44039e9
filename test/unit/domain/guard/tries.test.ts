import type { CauseFact } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory, type RebuildOutcome, type Tried } from '../../../../shared/domain/cause/rebuild.ts';
import { afterSettled, triesAfter, triesOf, worseOn } from '../../../../shared/domain/guard/tries.ts';
import { movedFact } from '../plan/tier-plans.ts';
import { ageFact, findingFact, personFact, STREAM } from '../rollout/acting.ts';

const fact = findingFact();
const other = findingFact('CVE-2');
const moved = movedFact('base');
const FAILED: RebuildOutcome = { result: 'failed', reason: 'exit 1' };
const UNVERIFIED: RebuildOutcome = { result: 'unverified', reason: 'no scan' };
const left = (...facts: CauseFact[]): RebuildOutcome => ({ result: 'ineffective', left: facts });

/** After so many rebuilds for the same facts. */
const after = (outcomes: readonly RebuildOutcome[], facts: readonly CauseFact[] = [fact, other], parents = 'base=1') =>
  outcomes.reduce<readonly Tried[]>(
    (tried, outcome) => triesAfter(tried, { rebuild: { facts, parents }, outcome }),
    [],
  );
const tries = (tried: readonly Tried[], one: CauseFact, parents: string | undefined = 'base=1') =>
  triesOf({ tried }, parents, one);

test.each<[string, readonly RebuildOutcome[], number, number]>([
  ['nothing was built yet', [], 0, 0],
  ['each that fixed nothing', [FAILED, UNVERIFIED, left(fact, other)], 3, 3],
  ['what one of them fixed is forgotten', [FAILED, left(fact)], 2, 0],
  ['all is forgotten once all is fixed', [FAILED, FAILED, { result: 'fixed' }], 0, 0],
  ['and counts anew', [FAILED, { result: 'fixed' }, FAILED], 1, 1],
])('rebuilds are counted for each fact: %s', (_, outcomes, one, two) => {
  expect([tries(after(outcomes), fact), tries(after(outcomes), other)]).toEqual([one, two]);
});

test('tries count for every version of a package, on the same parent heads only', () => {
  const tried = after([FAILED]);
  expect(tries(tried, { ...fact, version: '9' })).toBe(1);
  expect(tries(tried, fact, 'base=2')).toBe(0);
  expect(triesOf({ tried }, undefined, fact)).toBe(0);
});

test('another age is another fact, and a manual request is none', () => {
  const tried = after([FAILED], [ageFact, personFact()]);
  expect(tries(tried, ageFact)).toBe(1);
  expect(tries(tried, { ...ageFact, sinceEpochMs: ageFact.sinceEpochMs + 1 })).toBe(0);
  expect(tries(tried, personFact())).toBe(0);
  expect(after([FAILED], [personFact()])).toEqual([]);
});

test('a picked-up parent keeps counting while its head is the same', () => {
  expect(tries(after([{ result: 'fixed' }, { result: 'fixed' }], [moved]), moved)).toBe(2);
});

test('a fixed but unusable rebuild counts as a try', () => {
  const end = { rebuild: { facts: [fact], parents: 'base=1' }, outcome: { result: 'fixed' } as const, isUnused: true };
  expect(tries(triesAfter([], end), fact)).toBe(1);
});

test('a fact fixed only in an unpromoted candidate counts as tried, because the head still has it', () => {
  const rebuild = { facts: [fact, other], parents: 'base=1', promotes: true } as const;
  const outcomes = [FAILED, left(other), FAILED];
  const tried = outcomes.reduce<readonly Tried[]>((before, outcome) => triesAfter(before, { rebuild, outcome }), []);
  expect(tries(tried, fact)).toBe(3);
  expect(triesAfter(tried, { rebuild, outcome: { result: 'fixed' } })).toEqual([]);
});

test('a resumed rebuild counts no build', () => {
  const rebuild = { facts: [fact], parents: 'base=1', takenOverFrom: 'earlier' };
  expect(triesAfter([], { rebuild, outcome: FAILED })).toEqual([]);
  expect(triesAfter(after([FAILED], [fact]), { rebuild, outcome: { result: 'fixed' } })).toEqual([]);
});

test('a candidate without a scan counts one try when its build ends, and none when it is resumed, but a worse image counts', () => {
  const unscanned: RebuildOutcome = { ...UNVERIFIED, isUnscanned: true } as const;
  const rebuild = { facts: [fact, other], parents: 'base=1', promotes: true } as const;
  const resumed = { ...rebuild, takenOverFrom: 'earlier', resumesUnscanned: true } as const;
  const built = triesAfter([], { rebuild, outcome: unscanned });
  const again = triesAfter(built, { rebuild: resumed, outcome: unscanned });
  expect([tries(built, fact), tries(again, fact)]).toEqual([1, 1]);
  const worse = triesAfter(again, { rebuild: resumed, outcome: { result: 'worse', added: [other] } });
  expect([tries(worse, fact), worseOn({ tried: worse }, 'base=1')]).toEqual([1, 1]);
});

test('a rebuild not judged because of an unread registry counts a try, so it is not repeated for ever', () => {
  const unread: RebuildOutcome = { ...UNVERIFIED, isLineageUnread: true };
  expect(tries(after([FAILED, unread, unread], [ageFact]), ageFact)).toBe(3);
});

test('a rebuild counts on the parents of its reservation and on those that its output shows', () => {
  const builtOn = { parents: 'platform=1' };
  const failed = after([FAILED]);
  const tried = triesAfter(failed, { rebuild: { facts: [fact], parents: 'base=1', builtOn }, outcome: left(fact) });
  expect(tries(tried, fact, 'base=1')).toBe(2);
  expect(tries(tried, fact, 'platform=1')).toBe(1);
  expect(tries(tried, fact, 'platform=2')).toBe(0);
  const again = triesAfter(tried, { rebuild: { facts: [fact], parents: 'platform=1', builtOn }, outcome: left(fact) });
  expect(tries(again, fact, 'platform=1')).toBe(2);
  expect(tries(again, fact, 'base=1')).toBe(2);
});

test('a limited number of earlier parent heads is kept', () => {
  const on = (tried: readonly Tried[], parents: string) =>
    triesAfter(tried, { rebuild: { facts: [fact], parents }, outcome: FAILED });
  const tried = ['1', '2', '1', '3', '4', '5', '6', '7', '8', '9'].reduce<readonly Tried[]>(on, []);
  expect(tried).toHaveLength(8);
  expect(['1', '2', '3', '9'].map((parents) => tries(tried, fact, parents))).toEqual([2, 0, 1, 1]);
});

test('a fact that no image has any longer is removed for all parents', () => {
  const history = { ...emptyHistory(STREAM), tried: after([FAILED]) };
  expect(afterSettled(history, [findingFact('CVE-9')])).toBe(history);
  expect(afterSettled(history, [{ ...fact, version: '9' }]).tried).toEqual([
    { parents: 'base=1', facts: [{ fact: 'CVE-2\nopenssl', builds: 1 }] },
  ]);
  expect(afterSettled(history, [fact, other])).toEqual(emptyHistory(STREAM));
  expect(afterSettled(emptyHistory(STREAM), [fact])).toEqual(emptyHistory(STREAM));
});
