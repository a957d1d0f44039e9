import { readFileSync } from 'node:fs';
import { allPartitions, partitionNamed, partitionOf } from '../../shared/domain/image/partitions.ts';
import { actionPrefixesIn, PLACES, resourcesOf, TEMPLATES, typesIn } from '../support/partitions.ts';
import { isObject, type Json, listOf, objectOf, ROOT, templateJson, textOf } from './template.ts';

const checked = allPartitions().flatMap(({ name, missing }) => (missing ? [{ name, missing }] : []));

test('the partitions that users ask for are looked up', () => {
  expect(checked.map(({ name }) => name)).toEqual(['aws', 'aws-cn', 'aws-us-gov']);
});

test.each(PLACES)('%s is in %s', (region, partition) => {
  expect(partitionOf(region).name).toBe(partition);
  expect(partitionNamed(partition)).toBe(partitionOf(region));
});

test.each(TEMPLATES)('%s names no partition', (file) => {
  expect(readFileSync(`${ROOT}${file}`, 'utf8')).not.toMatch(/arn:aws\b/);
});

describe.each(checked)('in $name', ({ name, missing }) => {
  test.each(TEMPLATES)('%s creates nothing that does not exist there', (file) => {
    const { Conditions = {} } = templateJson(file);
    const created = resourcesOf(file)
      .filter(({ condition }) => condition === undefined || isPossible(condition, objectOf(Conditions), name))
      .map(({ type }) => type);
    expect(created.filter((type) => missing.types.includes(type))).toEqual([]);
  });

  test('each missing type and service is one that a template names', () => {
    expect(missing.types.filter((type) => !TEMPLATES.some((file) => typesIn(file).includes(type)))).toEqual([]);
    const prefixes = TEMPLATES.flatMap(actionPrefixesIn);
    expect(missing.services.filter((service) => !prefixes.includes(service))).toEqual([]);
  });
});

/** Whether a condition can be true in a partition; a parameter may have any value. */
function isPossible(name: string, conditions: Readonly<Record<string, Json>>, partition: string): boolean {
  return truthOf(conditions[name] ?? null, conditions, partition) !== false;
}

/** `undefined`: it depends on a parameter. */
function truthOf(condition: Json, conditions: Readonly<Record<string, Json>>, partition: string): boolean | undefined {
  if (!isObject(condition)) return undefined;
  const [[operator = '', operand = null] = []] = Object.entries(condition);
  const values = () => listOf(operand).map((one) => truthOf(one, conditions, partition));
  if (operator === 'Condition') return truthOf(conditions[textOf(operand)] ?? null, conditions, partition);
  if (operator === 'Fn::And') return values().includes(false) ? false : undefined;
  if (operator === 'Fn::Or') return values().every((value) => value === false) ? false : undefined;
  if (operator === 'Fn::Not') {
    const [value] = values();
    return value === undefined ? undefined : !value;
  }
  const [left, right] = listOf(operand);
  const isOfPartition = isObject(left) && left.Ref === 'AWS::Partition';
  return operator === 'Fn::Equals' && isOfPartition ? right === partition : undefined;
}
