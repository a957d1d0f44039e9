import type { ActingState } from '../../../cli/acting/acting.ts';
import { type Settling, settle } from '../../../local/demo/settle.ts';

const held = { stream: 'a', state: 'open', answer: { answer: 'refuse', reason: 'report-only', detail: 'So.' } };
const unanswered = { stream: 'a', state: 'open' };

/** A ledger whose causes are those of each read in turn, the last ones from then on. */
function settlingWith(reads: readonly (readonly object[])[], changes: Partial<Settling> = {}) {
  const states: ActingState[] = [];
  const waits: (readonly string[])[] = [];
  let read = 0;
  const context = {
    killSwitch: { read: async () => ({}) },
    causes: {
      async *open() {
        const now = reads[Math.min(read, reads.length - 1)] ?? [];
        read += 1;
        yield* now;
      },
    },
    cascades: { async *open() {} },
    rollouts: { async *openClosures() {} },
  } as unknown as Settling['context'];
  const settling: Settling = {
    context,
    limitMs: 60_000,
    onState: async (state) => {
      states.push(state);
    },
    underWay: async () => [],
    onWait: (queues) => {
      waits.push(queues);
    },
    hasNewImages: () => false,
    ...changes,
  };
  return { settling, states, waits };
}

test('it ends when each cause has an answer that stands and no message is under way', async () => {
  const { settling, waits } = settlingWith([[held]]);
  expect(await settle(settling)).toBeUndefined();
  expect(waits).toEqual([[]]);
});

test('a message under way is awaited, and then the work that it led to', async () => {
  const queues = [['HeadEvent'], []];
  const { settling, states, waits } = settlingWith([[held], [unanswered], [held]], {
    underWay: async () => queues.shift() ?? [],
  });
  expect(await settle(settling)).toBeUndefined();
  expect(waits.slice(0, 2)).toEqual([['HeadEvent'], []]);
  expect(states.map(({ causes }) => causes.map(({ answer }) => answer?.reason))).toContainEqual([undefined]);
});

test('if it gives up, it says what was left', async () => {
  const { settling } = settlingWith([[unanswered]], { limitMs: -1 });
  expect(await settle(settling)).toMatch(/Not settled .*: a open unanswered/);
});
