import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { guardRules } from '../../enforcement/build/guard.ts';
import { cfnGuard } from '../../scripts/cfn-guard.ts';
import { type ConformanceCase, conformanceCases } from '../support/conformance/cases.ts';

/* The rules of `enforcement:build` for templates, by the real cfn-guard: on the task definitions of the conformance cases. */

const program = cfnGuard();
if (program === undefined) process.stdout.write('skipped: cfn-guard: no Rust\n');
const testWithGuard = program === undefined ? test.skip : test;

const folder = mkdtempSync(join(tmpdir(), 'patchwave-cfn-guard-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OK = 0;
const BROKEN = 19;

/** The exit code, and what is printed. */
function validated(name: string, rules: string, containers: unknown): { status: number | null; output: string } {
  const [rulesFile, template] = [join(folder, `${name}.guard`), join(folder, `${name}.json`)];
  writeFileSync(rulesFile, rules);
  const task = { Type: 'AWS::ECS::TaskDefinition', Properties: { ContainerDefinitions: containers } };
  writeFileSync(template, JSON.stringify({ Resources: { Task: task } }));
  const { status, stdout, stderr } = spawnSync(program ?? '', ['validate', '-r', rulesFile, '-d', template], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, output: stdout + stderr };
}

/** As the author of a case states it: a tool for templates knows the reference alone, in every mode. Images of AWS are exempt. */
const isRefused = ({ situation }: ConformanceCase): boolean =>
  situation.asked.some(
    ({ reference, registry }) => registry !== 'aws' && (reference !== 'digest' || registry === 'other'),
  );

/** A host with upper-case letters is refused by its writing. */
const hasUpperHost = ({ situation }: ConformanceCase): boolean =>
  situation.asked.some(({ text = '' }) => /^[^/]*[A-Z][^/]*\//.test(text));

const containersOf = ({ task }: ConformanceCase): readonly object[] =>
  (task?.containerDefinitions ?? []).map((container) => {
    const { image, name } = container as { readonly name?: string; readonly image?: unknown };
    return { Name: name, ...(image !== undefined && { Image: image }) };
  });

testWithGuard(
  'cfn-guard answers each case as due, at least 100',
  () => {
    const cases = conformanceCases().filter((one) => one.task !== undefined && !hasUpperHost(one));
    const wrong = cases.flatMap((one) => {
      const { status, output } = validated(one.id, guardRules(one.situation.policy), containersOf(one));
      const due = isRefused(one) ? BROKEN : OK;
      return status === due ? [] : [`${one.id}: ${status}, due is ${due}: ${output.slice(0, 300)}`];
    });
    expect(wrong).toEqual([]);
    expect(cases.length).toBeGreaterThanOrEqual(100);
    expect(cases.filter((one) => !isRefused(one)).length).toBeGreaterThan(30);
  },
  120_000,
);

const GOOD = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/web@sha256:${'a'.repeat(64)}`;

testWithGuard.each([
  ['an image that is spelled out', [{ Name: 'a', Image: GOOD }], OK],
  ['Ref', [{ Name: 'a', Image: { Ref: 'Image' } }], BROKEN],
  ['Sub', [{ Name: 'a', Image: { 'Fn::Sub': GOOD } }], BROKEN],
  ['no image', [{ Name: 'a' }], BROKEN],
  [
    'a second container by Ref',
    [
      { Name: 'a', Image: GOOD },
      { Name: 'b', Image: { Ref: 'Image' } },
    ],
    BROKEN,
  ],
  ['containers by a condition', { 'Fn::If': ['A', [{ Name: 'a', Image: GOOD }], []] }, BROKEN],
  ['a container by a condition', [{ 'Fn::If': ['A', { Name: 'a', Image: GOOD }, { Ref: 'AWS::NoValue' }] }], BROKEN],
  ['no containers', undefined, BROKEN],
])('a template with %s', (name, containers, due) => {
  const rules = guardRules({
    approvedRegistries: { id: 'approved-registries', allow: ['*.dkr.ecr.*.amazonaws.com/*'] },
    awsManaged: { accounts: [], references: [] },
  });
  expect(validated(name.replaceAll(' ', '-'), rules, containers)).toMatchObject({ status: due });
});
