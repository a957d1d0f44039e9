import { readFileSync } from 'node:fs';
import {
  hub,
  isObject,
  type Json,
  listOf,
  member,
  objectOf,
  ofType,
  type Resource,
  ROOT,
  refersTo,
  type Template,
  textOf,
} from './template.ts';

/* The longest lists that IAM holds: a list of CloudFormation takes more. */

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: the value of a parameter. */
const PARAMETER_CHARACTERS = 4_096;
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: the defaults, without white space. */
const TRUST_CHARACTERS = 2_048;
const INLINE_CHARACTERS = 10_240;
const ACCOUNT = '111122223333';
const VALUES: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::AccountId': ACCOUNT,
  'AWS::Region': 'eu-central-1',
  OrganizationId: 'o-a1b2c3d4e5',
};

/** What a list names, by names of 32 characters. */
const ARNS: Readonly<Record<string, (name: string) => string>> = {
  CheckPrincipalArns: (name) => `arn:aws:iam::${ACCOUNT}:role/${name}`,
  DoctorPrincipalArns: (name) => `arn:aws:iam::${ACCOUNT}:role/${name}`,
  PassedRoleArns: (name) => `arn:aws:iam::${ACCOUNT}:role/${name}`,
  PausedDeploymentArns: (name) => `arn:aws:ecs:eu-central-1:${ACCOUNT}:service-deployment/${name}/${name}/*`,
  PipelineArns: (name) => `arn:aws:codepipeline:eu-central-1:${ACCOUNT}:${name}`,
  PromotedRepositoryArns: (name) => `arn:aws:ecr:eu-central-1:${ACCOUNT}:repository/${name}`,
  ProtectedRepositoryArns: (name) => `arn:aws:ecr:eu-central-1:${ACCOUNT}:repository/${name}`,
  ReporterArns: (name) => `arn:aws:iam::${ACCOUNT}:role/${name}`,
  ServiceArns: (name) => `arn:aws:ecs:eu-central-1:${ACCOUNT}:service/${name}/${name}`,
  StoppableTaskArns: (name) => `arn:aws:ecs:eu-central-1:${ACCOUNT}:task/${name}/*`,
};

const arnsOf = (list: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => ARNS[list]?.(String(at).padStart(32, 'r')) ?? '');

type Lists = Readonly<Record<string, readonly string[]>>;

/** A document with the values of parameters and lists; of a condition the branch that is longer. */
function resolved(value: Json, lists: Lists): Json {
  if (Array.isArray(value)) return value.map((one: Json) => resolved(one, lists)).filter((one) => one !== '');
  if (!isObject(value)) return value;
  const [[key = '', inner = null] = []] = Object.entries(value);
  if (key === 'Ref') return lists[textOf(inner)] ?? VALUES[textOf(inner)] ?? '';
  if (key === 'Fn::GetAtt') return `arn:aws:service:eu-central-1:${ACCOUNT}:${'a'.repeat(64)}`;
  if (key === 'Fn::If') {
    const [, one = null, other = null] = listOf(inner).map((branch) => resolved(branch, lists));
    return JSON.stringify(one).length >= JSON.stringify(other).length ? one : other;
  }
  if (key === 'Fn::Join') {
    const [by = '', parts = null] = listOf(inner);
    return listOf(resolved(parts, lists)).map(textOf).join(textOf(by));
  }
  if (key === 'Fn::Split') {
    const [by = '', text = null] = listOf(inner);
    return textOf(resolved(text, lists)).split(textOf(by));
  }
  if (key === 'Fn::Sub') {
    const [text = '', more = {}] = listOf(inner);
    const values = objectOf(resolved(more, lists));
    return textOf(text).replace(/\$\{([^}]+)\}/g, (_, name: string) => textOf(values[name] ?? VALUES[name] ?? ''));
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one, lists)]));
}

/** Whether IAM takes every role of a template whose lists are these. */
function isHeld(template: Template, lists: Lists): boolean {
  const others = Object.fromEntries(listsOf(template).map((list) => [list, []]));
  const size = (document: Json | undefined): number =>
    JSON.stringify(resolved(document ?? [], { ...others, ...lists })).length;
  const inline = ({ id, properties }: Resource): number =>
    [
      ...listOf(properties.Policies),
      ...ofType(template, 'AWS::IAM::Policy')
        .filter((policy) => listOf(policy.properties.Roles).some((role) => refersTo(role) === id))
        .map((policy) => policy.properties),
    ].reduce((sum: number, policy) => sum + size(objectOf(policy).PolicyDocument), 0);
  return ofType(template, 'AWS::IAM::Role').every(
    (role) => size(role.properties.AssumeRolePolicyDocument) <= TRUST_CHARACTERS && inline(role) <= INLINE_CHARACTERS,
  );
}

const listsOf = ({ json }: Template): readonly string[] =>
  Object.entries(objectOf(json.Parameters)).flatMap(([name, parameter]) =>
    objectOf(parameter).Type === 'CommaDelimitedList' ? [name] : [],
  );

/** How many ARNs the value of a parameter has room for. */
const mostOfParameter = (list: string): number =>
  Math.floor((PARAMETER_CHARACTERS + 1) / ((arnsOf(list, 1)[0]?.length ?? 0) + 1));

/** How many of them IAM holds beside what other lists have. */
function mostOf(template: Template, list: string, others: Lists = {}): number {
  const counts = Array.from({ length: mostOfParameter(list) }, (_, at) => at + 1);
  return counts.filter((count) => isHeld(template, { ...others, [list]: arnsOf(list, count) })).at(-1) ?? 0;
}

const templatesWith = (list: string): readonly Template[] =>
  [hub, member].filter((template) => listsOf(template).includes(list));
/** Where the hub and a member both take a list, the account whose roles have less room for it. */
const held = (list: string, others: Lists = {}): number =>
  Math.min(...templatesWith(list).map((template) => mostOf(template, list, others)));

const documented = readFileSync(`${ROOT}docs/operations.md`, 'utf8');
const LISTS = [...new Set([hub, member].flatMap(listsOf))];

test.each(LISTS)('docs/operations.md says how many ARNs %s takes, where IAM holds fewer than a parameter', (list) => {
  const [, most] = new RegExp(`(\\d+) ARNs\\s+in \`${list}\``).exec(documented) ?? [];
  expect(most).toBe(held(list) < mostOfParameter(list) ? String(held(list)) : undefined);
});

test.each([
  ['ServiceArns', 'PassedRoleArns'],
  ['PipelineArns', 'PromotedRepositoryArns'],
])('docs/operations.md says how many ARNs a full %s leaves for %s, which is in the same role', (full, list) => {
  const count = mostOfParameter(full);
  const left = held(list, { [full]: arnsOf(full, count) });
  expect(left).toBeLessThan(mostOfParameter(list));
  expect(documented).toContain(`| \`${full}\` | ${count} | ${left} in \`${list}\` |`);
});
