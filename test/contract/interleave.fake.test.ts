import { collect } from '../../shared/concurrency.ts';
import { FakeCauseLedger } from '../support/fakes/causes.ts';
import { FakeExecutions } from '../support/fakes/executions.ts';
import { crashAt, interleave, type Turns } from '../support/fakes/interleave.ts';
import { FakeRunner } from '../support/fakes/runner.ts';

test('somebody else has a turn before a call', async () => {
  const executions = new FakeExecutions();
  const turns: Turns = { before: async () => void (await executions.start('one')) };
  const seen = interleave('executions', executions, turns);
  expect(executions.started).toEqual([]);
  await seen.state(executions.arnOf('one'));
  expect(executions.started).toEqual(['one']);
});

test.each([
  ['before', [], ['executions.start']],
  ['after', ['one'], ['executions.start']],
] as const)('a crash %s the first step, and nothing after it', async (side, started, steps) => {
  const executions = new FakeExecutions();
  const turns = crashAt(0, side);
  const seen = interleave('executions', executions, turns);
  await expect(seen.start('one')).rejects.toMatchObject({ name: 'CrashError' });
  await expect(seen.start('two')).rejects.toMatchObject({ name: 'CrashError' });
  expect(executions.started).toEqual(started);
  expect(turns.steps).toEqual(steps);
});

test('pages are a step, too; what is no call of the port is none', async () => {
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await collect(interleave('causes', new FakeCauseLedger(), turns).open());
  interleave('runner', new FakeRunner(() => 0), turns).create({
    runner: 'codepipeline',
    account: '444455556666',
    region: 'eu-west-1',
    name: 'build',
  });
  expect(turns.steps).toEqual(['causes.open']);
});
