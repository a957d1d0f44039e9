import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { run } from '../probe-workflows.ts';

/** Every kind of state in JSONata, with the fields that the rest of the machine depends on. */
const DEFINITION = {
  QueryLanguage: 'JSONata',
  StartAt: 'Remember',
  States: {
    Remember: {
      Type: 'Pass',
      Assign: { outer: '{% $states.input.n %}', list: '{% [1..$states.input.n] %}' },
      Output: { kept: '{% $states.input.n + 1 %}' },
      Next: 'Pause',
    },
    Pause: { Type: 'Wait', Seconds: '{% $states.input.kept - 3 %}', Next: 'Both' },
    Both: {
      Type: 'Parallel',
      Arguments: { given: '{% $outer %}' },
      Branches: [
        {
          StartAt: 'Left',
          States: {
            Left: {
              Type: 'Pass',
              Assign: { outer: 99 },
              Output: '{% $states.input.given * 10 %}',
              Next: 'LeftEnd',
            },
            LeftEnd: { Type: 'Succeed', Output: { left: '{% $states.input %}', inner: '{% $outer %}' } },
          },
        },
        { StartAt: 'Right', States: { Right: { Type: 'Pass', Output: '{% $outer %}', End: true } } },
      ],
      Assign: { sum: '{% $states.result[0].left + $states.result[1] %}' },
      Output: { results: '{% $states.result %}', kept: '{% $states.input.kept %}' },
      Next: 'ForEach',
    },
    ForEach: {
      Type: 'Map',
      Items: '{% $list %}',
      ItemSelector: { item: '{% $states.context.Map.Item.Value %}', kept: '{% $states.input.kept %}' },
      MaxConcurrency: 2,
      ItemProcessor: {
        StartAt: 'One',
        States: {
          One: {
            Type: 'Pass',
            Assign: { outer: '{% $states.input.item %}' },
            Output: '{% $states.input.item * $states.input.kept %}',
            End: true,
          },
        },
      },
      Output: { products: '{% $states.result %}', branches: '{% $states.input.results %}' },
      Next: 'Judge',
    },
    Judge: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $sum < 0 %}', Next: 'Never' }],
      Output: { judged: '{% $states.input %}' },
      Default: 'Done',
    },
    Never: { Type: 'Fail', Error: 'Never', Cause: '{% "sum " & $string($sum) %}' },
    Done: { Type: 'Succeed', Output: { outer: '{% $outer %}', sum: '{% $sum %}', of: '{% $states.input.judged %}' } },
  },
};

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ended = await run(cloud, DEFINITION, { n: 3 });
  assert.deepEqual(ended.output, {
    outer: 3,
    sum: 33,
    of: { products: [4, 8, 12], branches: [{ left: 30, inner: 99 }, 3] },
  });
}
