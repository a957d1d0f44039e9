import { readFileSync } from 'node:fs';
import { type Json, listOf, objectOf, ROOT, templateJson, textOf } from '../template/template.ts';

/** Every template that a user deploys. */
export const TEMPLATES = [
  'template.yaml',
  'member-account.yaml',
  'member-vpc.yaml',
  'doors.yaml',
  'door-publisher.yaml',
  'ecs-door.yaml',
  'ecs-gate.yaml',
  'registry/import.yaml',
  'registry/pipeline.yaml',
  'registry/registry.yaml',
] as const;

/** A Region of each partition. */
export const PLACES: readonly (readonly [region: string, partition: string])[] = [
  ['eu-west-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
  ['us-iso-east-1', 'aws-iso'],
  ['us-isob-east-1', 'aws-iso-b'],
  ['eu-isoe-west-1', 'aws-iso-e'],
  ['us-isof-south-1', 'aws-iso-f'],
  ['eusc-de-east-1', 'aws-eusc'],
];

interface Declared {
  readonly type: string;
  readonly condition?: string;
}

/** The resources of a template, those of loops once. */
export const resourcesOf = (file: string): readonly Declared[] => declaredIn(templateJson(file).Resources);

function declaredIn(resources: Json | undefined): readonly Declared[] {
  return Object.entries(objectOf(resources)).flatMap(([id, value]) => {
    if (id.startsWith('Fn::ForEach')) return declaredIn(listOf(value)[2]);
    const { Type, Condition } = objectOf(value);
    return [{ type: textOf(Type), ...(Condition !== undefined && { condition: textOf(Condition) }) }];
  });
}

export const typesIn = (file: string): readonly string[] => resourcesOf(file).map(({ type }) => type);

/** The services whose actions the policies of a template name. */
export const actionPrefixesIn = (file: string): readonly string[] => [
  ...new Set(
    [...readFileSync(`${ROOT}${file}`, 'utf8').matchAll(/(?<![\w:-])([a-z0-9-]+):[A-Z][A-Za-z]+\b/g)].map(
      ([, prefix = '']) => prefix,
    ),
  ),
];
