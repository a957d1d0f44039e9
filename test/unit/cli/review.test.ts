import { jest } from '@jest/globals';
import { reviewCommand } from '../../../cli/commands/review.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { cliContext, run } from './support.ts';

type State = 'running' | 'succeeded' | 'failed' | 'gone';

/** A review that passes through some states, and how often its end was waited for. */
async function waited(states: readonly State[]) {
  const left = [...states];
  const pauses: number[] = [];
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const context = {
    ...cliContext(fakeWorld()),
    executions: { state: async () => left.shift() ?? 'gone' },
    pauses: {
      wait: async (attempt: number) => {
        pauses.push(attempt);
      },
    },
  };
  const { code, text } = await run(reviewCommand, context, [], { wait: true });
  const lines = said.mock.calls.map(([line]) => String(line)).join('');
  said.mockRestore();
  return { code, text, lines, pauses };
}

test('--wait ends with the review, and says how it ended', async () => {
  const { code, text, lines, pauses } = await waited(['running', 'running', 'succeeded']);
  expect([code, pauses]).toEqual([0, [1, 2]]);
  expect(text).toMatch(/^Started arn:/);
  expect(lines).toMatch(/has succeeded/);
});

test.each(['failed', 'gone'] as const)('--wait: a review that is %s is no success', async (state) => {
  const { code, lines } = await waited(['running', state]);
  expect(code).toBe(1);
  expect(lines).toMatch(/patchwave status/);
});

test('--wait: the pauses between two reads stop growing', async () => {
  const { pauses } = await waited([...Array.from({ length: 20 }, () => 'running' as const), 'succeeded']);
  expect(Math.max(...pauses)).toBe(6);
});
