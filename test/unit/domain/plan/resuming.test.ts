import type { CascadeNode } from '../../../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory } from '../../../../shared/domain/cause/rebuild.ts';
import { type ParkedStream, resumingCascade } from '../../../../shared/domain/plan/resuming.ts';
import { NOW } from '../arbitraries.ts';
import { findingFact } from '../rollout/acting.ts';

const CONTEXT = { policyVersion: 'p2', guards: { cascadeHours: 24 } };
const parked = (stream: string, changes: Partial<ParkedStream> = {}): ParkedStream => ({
  node: {
    ...{ cascadeId: 'old-g1', stream, work: 'rebuild', wave: 3, parents: ['base'], follows: true, causeVersion: 4 },
    ...{ facts: [findingFact()], holders: ['sha256:old'], headBefore: 'sha256:old', state: 'parked', rebuildId: 'r1' },
    answer: { answer: 'wait', reason: 'waiting-approval', detail: 'a person' },
  } as CascadeNode,
  rebuild: { rebuildId: 'r1' },
  history: emptyHistory(stream),
  ...changes,
});
const cause = (state: Cause['state'], version: number): Cause => ({
  ...{ stream: 'a', facts: [findingFact()], sinceEpochMs: 1, version, state },
});

test('parked rebuilds are resumed in one wave, for their original facts', () => {
  const { cascade, nodes } = resumingCascade([parked('b'), parked('a')], CONTEXT, NOW);
  expect(cascade).toMatchObject({ policyVersion: 'p2', state: 'planned', streams: 2, plannedAtEpochMs: NOW });
  expect(nodes.map(({ stream }) => stream)).toEqual(['a', 'b']);
  expect(nodes[0]).toEqual({
    ...{ cascadeId: cascade.cascadeId, stream: 'a', work: 'rebuild', wave: 0, state: 'planned', resumes: 'r1' },
    ...{ facts: [findingFact()], holders: ['sha256:old'], headBefore: 'sha256:old' },
  });
});

test.each([
  ['open', 7],
  ['taken', undefined],
  ['closed', undefined],
] as const)('a cause that is %s is taken as it is now: version %s', (state, version) => {
  const [node] = resumingCascade([parked('a', { cause: cause(state, 7) })], CONTEXT, NOW).nodes;
  expect(node?.causeVersion).toBe(version);
});

test('its name is derived from the rebuilds, and changes after it ended early', () => {
  const nameOf = (one: ParkedStream): string => resumingCascade([one], CONTEXT, NOW).cascade.cascadeId;
  const first = nameOf(parked('a'));
  expect(nameOf(parked('a'))).toBe(first);
  expect(nameOf(parked('a', { rebuild: { rebuildId: 'r2' } }))).not.toBe(first);
  expect(nameOf(parked('a', { history: { ...emptyHistory('a'), generation: 2 } }))).toBe(first.replace('-g1', '-g2'));
});
