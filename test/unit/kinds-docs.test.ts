import { readFileSync } from 'node:fs';
import { undeployable, WORKLOAD_KINDS } from '../../shared/domain/image/workload-kind.ts';
import { RUNNER_KINDS } from '../../shared/domain/policy/pipeline.ts';

const [, pipeline = ''] = readFileSync('docs/policy.md', 'utf8').split('\n**`pipeline`**');

test('docs/policy.md names each kind of runner', () => {
  const [row = ''] = pipeline.match(/^\| `runner`.*$/m) ?? [];
  expect(RUNNER_KINDS.filter((kind) => !row.includes(`\`${kind}\``))).toEqual([]);
});

test.each(WORKLOAD_KINDS)('docs/policy.md says what %s is, and why Patchwave does not deploy it', (workloadKind) => {
  const row = pipeline.split('\n').find((line) => line.startsWith(`| \`${workloadKind}\``));
  const reason = undeployable({ workloadKind });
  expect(row).toContain(reason === undefined ? '| yes' : `| no (\`${reason}\`)`);
});
