import type { BuildState, Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import { deadlineAfterPoll, parkRebuild } from '../../../shared/rebuilding/park.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { rebuild } from '../../support/rebuild-samples.ts';
import { DAY_MS, HOUR_MS, NOON_EPOCH_MS } from '../../support/samples.ts';

const WAITING: Partial<Rebuild> = { build: { state: 'waiting-approval' }, approvalMs: DAY_MS };

async function parkedAs(changes: Partial<Rebuild>): Promise<{ readonly before: Rebuild; readonly after: unknown }> {
  const world = fakeWorld();
  const before = rebuild('r', {
    startingAtEpochMs: world.clock(),
    deadlineEpochMs: world.clock() + HOUR_MS,
    ...changes,
  });
  await world.rebuilds.record(before.stream, 'r', () => before);
  await parkRebuild(world, before);
  return { before, after: await world.rebuilds.get(before.stream, 'r') };
}

test('a rebuild whose run waits is parked for the time of the approval and of the build', async () => {
  const { before, after } = await parkedAs(WAITING);
  expect(after).toMatchObject({
    parked: { buildMs: HOUR_MS },
    deadlineEpochMs: Number(before.startingAtEpochMs) + DAY_MS + HOUR_MS,
  });
});

test.each<[string, Partial<Rebuild>]>([
  ['whose run goes on', { build: { state: 'running' } }],
  ['of which no state is known', {}],
  ['that has ended', { ...WAITING, outcome: { result: 'failed', reason: 'r' } }],
  ['that is parked', { ...WAITING, parked: { sinceEpochMs: 1, checkedAtEpochMs: 2, buildMs: 3 } }],
])('a rebuild %s stays as it is', async (_, changes) => {
  const { before, after } = await parkedAs(changes);
  expect(after).toEqual(before);
});

const NOW = NOON_EPOCH_MS;
const parked = { sinceEpochMs: NOW - DAY_MS, checkedAtEpochMs: NOW, buildMs: HOUR_MS };

test.each<[string, BuildState, BuildState, number, number]>([
  ['is approved', 'waiting-approval', 'running', NOW + 3 * DAY_MS, NOW + HOUR_MS],
  ['is approved at the last moment', 'waiting-approval', 'running', NOW + 1, NOW + 1],
  ['still waits', 'waiting-approval', 'waiting-approval', NOW + 3 * DAY_MS, NOW + 3 * DAY_MS],
  ['goes on', 'running', 'running', NOW + 1, NOW + 1],
  ['waits once more', 'running', 'waiting-approval', NOW + 1, NOW + DAY_MS + HOUR_MS],
  ['waits once more, and had longer', 'running', 'waiting-approval', NOW + 9 * DAY_MS, NOW + 9 * DAY_MS],
  ['has ended', 'running', 'succeeded', NOW + 1, NOW + 7 * DAY_MS],
  ['has ended, and had longer', 'waiting-approval', 'succeeded', NOW + 9 * DAY_MS, NOW + 9 * DAY_MS],
])('the deadline of a parked rebuild whose run %s', (_, before, state, deadlineEpochMs, expected) => {
  const known = rebuild('r', { parked, approvalMs: DAY_MS, build: { state: before }, deadlineEpochMs });
  expect(deadlineAfterPoll(known, state, NOW)).toBe(expected);
});

test('a rebuild that is not parked keeps its deadline', () => {
  const known = rebuild('r', { build: { state: 'running' }, deadlineEpochMs: NOW + 1 });
  expect(deadlineAfterPoll(known, 'succeeded', NOW)).toBe(NOW + 1);
});
