import { readFileSync } from 'node:fs';
import { REFUSE_REASONS, WAIT_REASONS } from '../../shared/domain/guard/guard-answer.ts';
import { undeployable, WORKLOAD_KINDS } from '../../shared/domain/image/workload-kind.ts';
import { RUNNER_KINDS } from '../../shared/domain/policy/pipeline.ts';

const [, pipeline = ''] = readFileSync('docs/policy.md', 'utf8').split('\n**`pipeline`**');

test('docs/policy.md names each kind of runner', () => {
  const [row = ''] = pipeline.match(/^\| `runner`.*$/m) ?? [];
  expect(RUNNER_KINDS.filter((kind) => !row.includes(`\`${kind}\``))).toEqual([]);
});

test('docs/acting.md says of each kind of runner what its pipelines need', () => {
  const page = readFileSync('docs/acting.md', 'utf8').toLowerCase();
  expect(RUNNER_KINDS.filter((kind) => !page.includes(kind))).toEqual([]);
});

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'prod' };

test.each(WORKLOAD_KINDS)(
  'a table in docs/policy.md has a row of %s, with the reason why Patchwave does not deploy it',
  (workloadKind) => {
    const row = pipeline.split('\n').find((line) => line.startsWith(`| \`${workloadKind}\``));
    const [off, on] = [false, true].map((eks) => undeployable({ workloadKind, ...PLACE }, { eks }));
    if (off === on) expect(row).toContain(on === undefined ? '| yes |' : `| no (\`${on}\`)`);
    else expect(row).toContain(`| with \`RolloutToEks\`, else no (\`${off}\`)`);
  },
);

/** The codes in the first column of the table of reasons in a chapter of docs/events.md. */
function documentedReasons(detailType: string): readonly string[] {
  const [, chapter = ''] = readFileSync('docs/events.md', 'utf8').split(`\n### ${detailType}\n`);
  const [, table = ''] = (chapter.split('\n### ')[0] ?? '').split(/^\| `reason` +\| it .*$/m);
  const cells = [...table.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, reason = '']) => reason)).sort();
}

test.each([
  ['RebuildRefused', REFUSE_REASONS],
  ['RebuildWaiting', WAIT_REASONS],
])('docs/events.md names each reason of %s, and no other', (detailType, reasons) => {
  expect(documentedReasons(detailType)).toEqual(reasons.toSorted());
});
