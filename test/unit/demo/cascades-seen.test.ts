import type { CascadeView } from '../../../cli/acting/acting.ts';
import { CascadesSeen } from '../../../local/demo/cascades-seen.ts';

const view = (cascadeId: string, plannedAtEpochMs: number) =>
  ({
    cascadeId,
    plannedAtEpochMs,
    state: 'running',
    nodes: [],
    deployments: [{ state: 'running' }],
  }) as unknown as CascadeView;

test('a cascade that ended since the last read shows how its deployment ended, and is read once', async () => {
  const reads: string[] = [];
  const seen = new CascadesSeen({
    cascades: {
      get: async (cascadeId: string) => {
        reads.push(cascadeId);
        return { ...view(cascadeId, 2), state: 'complete' };
      },
      async *nodes() {},
    },
    rollouts: {
      async *deployments() {
        yield { state: 'completed' };
      },
    },
  } as unknown as ConstructorParameters<typeof CascadesSeen>[0]);
  expect(await seen.update([view('b', 2), view('a', 1)])).toMatchObject([{ cascadeId: 'a' }, { cascadeId: 'b' }]);
  const ended = { cascadeId: 'b', state: 'complete', deployments: [{ state: 'completed' }] };
  expect(await seen.update([view('a', 1)])).toMatchObject([{ cascadeId: 'a', state: 'running' }, ended]);
  expect(await seen.update([view('a', 1)])).toMatchObject([{ cascadeId: 'a', state: 'running' }, ended]);
  expect(reads).toEqual(['b']);
});
