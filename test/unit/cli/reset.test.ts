import { nearest } from '../../../cli/acting/find-stream.ts';
import { resetCommand } from '../../../cli/commands/reset.ts';
import { NotFoundError, UsageError } from '../../../cli/errors.ts';
import { emptyHistory } from '../../../shared/domain/cause/rebuild.ts';
import { LedgerItemUnreadableError } from '../../../shared/ports/errors.ts';
import {
  fact,
  HOUR_MS,
  historyOf,
  lastStarted,
  type PlanWorld,
  planWorld,
  pushed,
  streamOf,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { ANA, cliContext, onTerminal, run, runJson } from './support.ts';

const reason = 'the build is fixed';

/** The history of the first stream has three failures, a fact that a rebuild did not fix, and an unknown start. */
async function exhausted(): Promise<PlanWorld> {
  const world = await planWorld();
  await violating(world, 0);
  const { vulnerability, package: name, version } = fact();
  await world.guards.change(streamOf(0), (history) => ({
    ...{ ...history, generation: 4, failuresInARow: 3, lastSettledRebuildId: 'rebuild-3' },
    survived: [{ fact: 'finding', kind: 'rebuild', vulnerability, package: name, version, atEpochMs: 1 }],
    startUnknown: { rebuildId: 'rebuild-4', untilEpochMs: world.clock() + HOUR_MS },
  }));
  return world;
}

test('reset gives the next cascade a new name, and records who cleared what', async () => {
  const world = await exhausted();
  await wakeUp(world);
  expect(world.executions.started).toEqual([]);

  const { code, text } = await run(resetCommand, cliContext(world), [streamOf(0)], { reason });
  expect(code).toBe(0);
  expect(await historyOf(world)).toEqual({
    ...emptyHistory(streamOf(0)),
    generation: 5,
    lastSettledRebuildId: 'rebuild-3',
    reset: { by: ANA, atEpochMs: world.clock(), reason },
  });
  expect(text).toContain(
    '  the count of 3 failures in a row\n  the record of 1 fact that a rebuild did not fix\n  the record of rebuild rebuild-4, which may still be running',
  );
  expect(text).toContain('The planner plans the stream at its next run');

  await wakeUp(world);
  expect((await lastStarted(world)).cascade.cascadeId).toMatch(/-g5$/);
});

test('a write with a lost reply is not repeated', async () => {
  const world = await exhausted();
  const guards = {
    get: world.guards.get.bind(world.guards),
    change: async (...args: Parameters<typeof world.guards.change>) => {
      await world.guards.change(...args);
      await world.guards.change(...args);
    },
  };
  const output = await runJson(resetCommand, { ...cliContext(world), guards }, [streamOf(0)], { reason });
  expect((await historyOf(world)).generation).toBe(5);
  expect(output).toMatchObject({ before: { failuresInARow: 3 }, after: { generation: 5 } });
});

test('a stream with nothing to clear and no cause says so', async () => {
  const world = await planWorld();
  await violating(world, 0);
  await world.causes.change(streamOf(0), (cause) => cause && { ...cause, facts: [], state: 'closed' });
  const { text } = await run(resetCommand, cliContext(world), [streamOf(0)], { reason });
  expect(text).toContain('The stream had nothing to clear.');
  expect(text).toContain('The stream has no open cause');
});

test('counts that alone keep a stream from a rebuild are named', async () => {
  const world = await planWorld();
  await violating(world, 0);
  await world.guards.change(streamOf(0), (history) => ({
    ...history,
    tried: [
      { facts: [{ fact: 'CVE-1\nzlib', builds: 3 }] },
      { parents: 'older', facts: [{ fact: 'age\n1', builds: 1 }] },
    ],
    unverifiedInARow: 2,
    brokenOff: { inARow: 1, cascadeId: 'cascade-1', atEpochMs: 1 },
  }));
  const { text } = await run(resetCommand, cliContext(world), [streamOf(0)], { reason });
  expect(text).toContain(
    'Cleared:\n  the count of 3 rebuilds on the same parents\n  the count of 2 rebuilds in a row that could not be verified\n' +
      '  the count of 1 cascade that stopped before the stream was done\n',
  );
});

test('a remaining obstacle is shown', async () => {
  const world = await exhausted();
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' });
  const { text } = await run(resetCommand, cliContext(world), [streamOf(0)], { reason });
  expect(text).toContain('wait: paused');
  expect(text).toContain('jo paused Patchwave: an incident');
});

test('an unknown stream is refused with the nearest names, and nothing is written', async () => {
  const world = await exhausted();
  await violating(world, 7);
  const asked = run(resetCommand, cliContext(world), ['111122223333/eu-west-1/team/ap-7'], { reason });
  await expect(asked).rejects.toThrow(NotFoundError);
  await expect(asked).rejects.toThrow(`Did you mean:\n  ${streamOf(7)}`);
  expect((await historyOf(world)).failuresInARow).toBe(3);
});

test('no line is wider than the terminal', async () => {
  const world = await exhausted();
  const { text } = await onTerminal(60, () => run(resetCommand, cliContext(world), [streamOf(0)], { reason }));
  expect(text).toContain('which may still be\n');
  expect(text.split('\n').filter((line) => line.length > 60)).toEqual([]);
});

test('a stream known only from its images is accepted', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app', { reasons: [], inUse: true });
  expect((await run(resetCommand, cliContext(world), [streamOf(0)], { reason })).code).toBe(0);
});

test('a missing reason is a usage error', async () => {
  await expect(run(resetCommand, cliContext(await exhausted()), [streamOf(0)])).rejects.toThrow(UsageError);
});

const NAMES = [
  '111122223333/eu-west-1/team/payments-api:^v.*$',
  '111122223333/eu-west-1/team/orders:^v.*$',
  'x/y/z:^1$',
];
test.each([
  ['payments-api', [NAMES[0]]],
  ['team/', [NAMES[1], NAMES[0]]],
  ['111122223333/eu-west-1/team/paymants-api:^v.*$', [NAMES[0], NAMES[1]]],
  ['something-else', []],
  ['', [NAMES[1], NAMES[0], NAMES[2]]],
])('similar to "%s": %j', (text, names) => {
  expect(nearest(text, NAMES)).toEqual(names);
});

test('a lock that cannot be read is deleted, and named', async () => {
  const world = await exhausted();
  const locks = {
    get: () => Promise.reject(new LedgerItemUnreadableError('STREAM#a / OPEN', 'executionArn is no text')),
    clearUnreadable: async (stream: string) => stream === streamOf(0),
  };
  const context = { ...cliContext(world), locks: { ...world.locks, ...locks } as never };
  const { text } = await run(resetCommand, context, [streamOf(0)], { reason });
  expect(text).toContain('  the unreadable lock of the stream: check its pipeline');
});
