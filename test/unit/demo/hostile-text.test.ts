import { doorSentences } from '../../../local/demo/door-sentences.ts';
import { printResult } from '../../../local/demo/print.ts';
import { printFound } from '../../../local/demo/print-found.ts';
import { printSummary, tellSummary } from '../../../local/demo/print-summary.ts';
import { Progress } from '../../../local/demo/progress.ts';
import type { DemoResult } from '../../../local/demo/result.ts';
import { Story } from '../../../local/demo/story.ts';
import { foundSentences, proofSentences } from '../../../local/demo/story-found.ts';
import { forgedLines, hiddenIn, hostileTexts, MOST_HOSTILE, poisoned } from '../../support/hostile.ts';
import { fc } from '../../support/seeded.ts';

const names = {
  stream: (id: string) => id,
  brief: (id: string) => id,
  reference: (text: string) => text,
  service: (key: string) => key,
};
const outcomes = { compliant: 0, violating: 1, unknown: 1, failed: 0 };
const usage = {
  account: '1',
  region: 'r',
  cluster: 'c',
  workload: 'w',
  container: 'a',
  count: 1,
  reference: 'nginx:1',
};
const image = (digest: string, outcome: 'violating' | 'unknown', reasons: readonly object[]) => ({
  ...{ digest, outcome, tier: 'external', locations: [], scan: { state: 'off' }, reasons },
  usages: [{ ...usage, digestSource: 'runtime' }],
});
const finding = { ruleId: 'critical', effect: 'violates', kind: 'finding', vulnerability: 'CVE-1', package: 'p' };
const run = { service: '1/r/c/w', container: 'a', count: 1, digest: 'sha256:1' };
const stream = { stream: 'a', state: 'on-hold', reason: 'report-only', detail: 'so', parts: {}, runs: [run] };
const result = {
  ...{ fleet: 'f', seed: 1, mode: 'enforce', runId: 'r', policyVersion: 'p', found: 2, outcomes, unresolved: 0 },
  execution: { arn: 'arn', status: 'FAILED', error: 'E', cause: 'because' },
  ancestors: { found: 1, outcomes },
  scopes: [],
  images: [
    image('sha256:1', 'violating', [{ ...finding, version: '1', severity: 'critical', firstSeenAtEpochMs: 0 }]),
    image('sha256:2', 'unknown', [{ ruleId: 'scan', effect: 'unknown', kind: 'registry', registry: 'x.example' }]),
  ],
  atRisk: [{ digest: 'sha256:1', what: 'CVE-1', why: 'so' }],
  nextBreaches: [{ digest: 'sha256:1', atEpochMs: 1 }],
  calls: [],
  act: {
    ...{
      reviews: [],
      gaveUp: [],
      admitted: [],
      wouldDo: [],
      cascades: [],
      rebuilds: [],
      deployments: [],
      closures: [],
      calls: [],
    },
    answers: [{ stream: 'a', answer: 'refuse', reason: 'report-only', detail: 'so' }],
    streams: [stream, { ...stream, stream: 'b', state: 'stopped' }],
  },
  doors: [
    { door: 'eks', place: 'a/r/c/n', which: 'old', repository: 'x', image: 'sha256:1', started: false, message: 'no' },
    { door: 'ecs', place: 'a/r/c', which: 'rebuilt', repository: 'x', image: 'sha256:2', started: true },
    { door: 'ecs', place: 'a/r/c', which: 'rebuilt', repository: 'x', image: 'sha256:2', started: false },
  ],
  seconds: {},
} as unknown as DemoResult;

function outputOf(tell: (progress: Progress) => void, isTTY: boolean): string {
  let written = '';
  const write = (piece: string): boolean => {
    written += piece;
    return true;
  };
  tell(new Progress({ write, isTTY, columns: 80 } as unknown as NodeJS.WriteStream));
  return written;
}

test('the demo shows each character of what others have written', () => {
  fc.assert(
    fc.property(hostileTexts, (text) => {
      const hostile = poisoned(result, text, ['scope']);
      const page = outputOf((progress) => {
        const story = new Story(progress);
        story.title(`f${text}`, text);
        for (const sentence of foundSentences(hostile, names)) story.say(sentence);
        for (const sentence of doorSentences(hostile.doors)) story.say(sentence);
        for (const sentence of proofSentences(hostile.act, names)) story.say(sentence);
        printFound(progress, hostile, names);
        printResult(hostile, { progress, names, nowEpochMs: 0 });
        printSummary(progress, tellSummary(progress, story, hostile, names, 'command'));
        story.end();
      }, false);
      expect([hiddenIn(page), forgedLines(page)]).toEqual([undefined, []]);
    }),
    { numRuns: 50, examples: [[MOST_HOSTILE]] },
  );
});

test('a bar redraws itself with a sequence of its own', () => {
  const page = outputOf((progress) => {
    progress.move('judged', 1, 2);
    progress.line('a\u001b[2K');
  }, true);
  expect(page).toContain('\r\u001b[2Ka\\u001b[2K\n');
});
