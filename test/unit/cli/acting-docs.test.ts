import { readdirSync, readFileSync } from 'node:fs';
import { REBUILD_LABEL } from '../../../shared/domain/cause/rebuild.ts';
import { parsePolicy } from '../../../shared/domain/policy/policy-document.ts';
import { streamPolicy } from '../../../shared/domain/stream/stream-policy.ts';

const acting = readFileSync('docs/acting.md', 'utf8');
const commands = readFileSync('docs/commands.md', 'utf8');

test('the example policy is valid and lets only the first stream act', () => {
  const [, yaml = ''] = /```yaml\n(version: 1\nmode[\s\S]*?)```/.exec(acting) ?? [];
  const policy = parsePolicy(yaml);
  const of = (repository: string) => streamPolicy(policy, `111122223333/eu-west-1/${repository}:^v.*$`);
  expect(of('team/payments-api')).toMatchObject({
    mode: 'enforce',
    pipeline: { account: '444455556666', region: 'eu-west-1', name: 'payments-api', digestVariable: 'IMAGE_DIGEST' },
    caps: { concurrentRebuilds: 1, ramp: 1 },
  });
  expect(of('team/orders').mode).toBe('report-only');
});

test('documented pipeline variables equal the sent ones', () => {
  const runner = readFileSync('shared/adapters/codepipeline-runner.ts', 'utf8');
  const sent = [...runner.matchAll(/'(PATCHWAVE_\w+)'/g)].map(([, name]) => name);
  const declared = [...acting.matchAll(/Name: (PATCHWAVE_\w+), DefaultValue/g)].map(([, name]) => name);
  const listed = [...acting.matchAll(/^ +\| `(PATCHWAVE_\w+)`/gm)].map(([, name]) => name);
  expect(declared).toEqual(sent);
  expect(listed).toEqual(sent);
  expect(acting).toContain(`\`${REBUILD_LABEL}\``);
});

test('every named parameter of the member template exists', () => {
  const member = readFileSync('member-account.yaml', 'utf8');
  const named = [...acting.matchAll(/`([A-Z]\w+Arns|HomeRegion)`/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((name) => !member.includes(`\n  ${name}:\n`))).toEqual([]);
});

test('the operator policy allows exactly the writes of the acting commands', () => {
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(commands) ?? [];
  const statements = JSON.parse(json).Statement as readonly { Action: unknown; Condition?: unknown }[];
  const keys = { 'dynamodb:LeadingKeys': ['SWITCH', 'CAUSE#*', 'STREAM#*'] };
  expect(statements.filter(({ Action }) => JSON.stringify(Action).includes('Put'))).toMatchObject([
    { Action: 'dynamodb:PutItem', Condition: { 'ForAllValues:StringLike': keys } },
  ]);
});

/** The code at the beginning of a text: why a service is not deployed. */
const CODE = /[`']([a-z]+(?:-[a-z]+)+|paused|refused|unreachable): /g;

test('each reason for which a service is not deployed is in the table', () => {
  const texts = readdirSync('functions/rollout').map((file) => readFileSync(`functions/rollout/${file}`, 'utf8'));
  const codes = new Set(texts.flatMap((text) => [...text.matchAll(CODE)].map(([, code = '']) => code)));
  expect(codes.size).toBeGreaterThan(10);
  const [, table = ''] = acting.split('| you see | means | do |');
  expect([...codes].filter((code) => !table.includes(`\`${code}\``) && !table.includes(`(${code})`))).toEqual([]);
});
