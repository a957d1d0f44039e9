import { readFileSync } from 'node:fs';
import { hub, isObject, type Json, listOf, member, ROOT, resourceOf, type Template, textOf } from './template.ts';

/* The longest lists that IAM holds: a list of CloudFormation takes more. */

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: the default, without white space. */
const TRUST_CHARACTERS = 2_048;
/** A role's name of 32 characters. */
const arns = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `arn:aws:iam::111122223333:role/${String(at).padStart(32, 'r')}`);
const VALUES: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::AccountId': '111122223333',
  OrganizationId: 'o-a1b2c3d4e5',
};

/** A document with the values of parameters; a list has its ARNs, and each condition is met. */
function resolved(value: Json, list: string, count: number): Json {
  if (Array.isArray(value)) return value.map((one: Json) => resolved(one, list, count));
  if (!isObject(value)) return value;
  const [[key = '', inner = null] = []] = Object.entries(value);
  if (key === 'Ref') return inner === list ? arns(count) : (VALUES[textOf(inner)] ?? '');
  if (key === 'Fn::Sub') return textOf(inner).replace(/\$\{([^}]+)\}/g, (_, name: string) => VALUES[name] ?? '');
  if (key === 'Fn::If') return resolved(listOf(inner)[1] ?? null, list, count);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one, list, count)]));
}

const documented = readFileSync(`${ROOT}docs/operations.md`, 'utf8');

const roleThatTrusts = ({ resources }: Template, list: string): string =>
  resources.find(({ properties }) => JSON.stringify(properties.AssumeRolePolicyDocument ?? null).includes(list))?.id ??
  '';

test.each([
  { list: 'ReporterArns', template: member },
  { list: 'CheckPrincipalArns', template: hub },
])('docs/operations.md says how many ARNs $list takes before IAM refuses the role', ({ list, template }) => {
  const { AssumeRolePolicyDocument = null } = resourceOf(template, roleThatTrusts(template, list));
  const size = (count: number): number => JSON.stringify(resolved(AssumeRolePolicyDocument, list, count)).length;
  const [, most = ''] = new RegExp(`(\\d+) ARNs in \`${list}\``).exec(documented) ?? [];
  expect(size(Number(most))).toBeLessThanOrEqual(TRUST_CHARACTERS);
  expect(size(Number(most) + 1)).toBeGreaterThan(TRUST_CHARACTERS);
});
