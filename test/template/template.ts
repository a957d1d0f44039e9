import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A template's JSON form, in which the short tags are spelled out: `!Ref X` is `{Ref: 'X'}`. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: JsonObject;
  readonly json: JsonObject;
}

export interface Template {
  readonly text: string;
  readonly json: JsonObject;
  readonly resources: readonly Resource[];
}

/** The whole of a template, which may have loops. */
export function templateJson(file: string): JsonObject {
  const document = parseDocument(readFileSync(`${ROOT}${file}`, 'utf8'), { logLevel: 'error' });
  if (document.errors.length > 0) throw document.errors[0];
  return objectOf(toJson(document.contents));
}

export function loadTemplate(file: string): Template {
  const text = readFileSync(`${ROOT}${file}`, 'utf8');
  const json = templateJson(file);
  const resources = Object.entries(objectOf(json.Resources)).map(([id, value]) => {
    const resource = objectOf(value);
    return { id, type: textOf(resource.Type), properties: objectOf(resource.Properties ?? {}), json: resource };
  });
  return { text, json, resources };
}

export const ofType = ({ resources }: Template, type: string): readonly Resource[] =>
  resources.filter((resource) => resource.type === type);

/** The properties of one resource. */
export function resourceOf({ resources }: Template, id: string): JsonObject {
  const found = resources.find((one) => one.id === id);
  if (!found) throw new Error(`no resource ${id}`);
  return found.properties;
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function objectOf(value: Json | undefined): JsonObject {
  if (!isObject(value)) throw new TypeError(`not an object: ${JSON.stringify(value)}`);
  return value;
}

export function textOf(value: Json | undefined): string {
  if (typeof value !== 'string') throw new TypeError(`not a string: ${JSON.stringify(value)}`);
  return value;
}

/** A list, or the one value that IAM takes in the place of a list. */
export function listOf(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as Json];
}

/** The logical id that `!Ref X`, SAM's `!Ref X.Version` or `!GetAtt X.Y` names. */
export function refersTo(value: Json | undefined): string {
  const reference = objectOf(value);
  const [id = ''] = 'Ref' in reference ? textOf(reference.Ref).split('.') : listOf(reference['Fn::GetAtt']);
  return textOf(id);
}

/** Statements of a policy document; both branches of an `!If` among them. */
export const statementsOf = (document: Json | undefined): readonly JsonObject[] =>
  listOf(objectOf(document).Statement).map(objectOf).flatMap(branchesOf);

/** Every action that the policies of a role allow. */
export const grantedTo = (template: Template, role: string): readonly string[] =>
  [
    ...ofType(template, 'AWS::IAM::Role')
      .filter(({ id }) => id === role)
      .flatMap(({ properties }) => listOf(properties.Policies)),
    ...ofType(template, 'AWS::IAM::Policy')
      .filter(({ properties }) => listOf(properties.Roles).some((one) => refersTo(one) === role))
      .map(({ properties }) => properties),
  ]
    .flatMap((policy) => statementsOf(objectOf(policy).PolicyDocument))
    .flatMap(({ Action }) => listOf(Action).map(textOf));

/** A statement under a condition is one that a role may have. */
const branchesOf = (statement: JsonObject): readonly JsonObject[] =>
  'Fn::If' in statement
    ? listOf(statement['Fn::If'])
        .slice(1)
        .map(objectOf)
        .filter(({ Ref }) => Ref !== 'AWS::NoValue')
    : [statement];

function toJson(node: unknown): Json {
  if (isScalar(node)) return withTag(node, node.value as Json);
  if (isSeq(node)) return withTag(node, node.items.map(toJson));
  if (isMap(node)) {
    const entries = node.items.map(({ key, value }) => [String(isScalar(key) ? key.value : key), toJson(value)]);
    return withTag(node, Object.fromEntries(entries));
  }
  return null;
}

function withTag({ tag }: Node, value: Json): Json {
  if (!tag?.startsWith('!')) return value;
  const name = tag.slice(1);
  if (name === 'Ref' || name === 'Condition') return { [name]: value };
  const isPath = name === 'GetAtt' && typeof value === 'string';
  return { [`Fn::${name}`]: isPath ? value.split('.') : value };
}

export const hub = loadTemplate('template.yaml');
export const member = loadTemplate('member-account.yaml');
export const memberVpc = loadTemplate('member-vpc.yaml');
export const doors = loadTemplate('doors.yaml');
export const ecsDoor = loadTemplate('ecs-door.yaml');
export const ecsGate = loadTemplate('ecs-gate.yaml');
export const doorPublisher = loadTemplate('door-publisher.yaml');
