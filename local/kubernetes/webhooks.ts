/** Which webhooks of a ValidatingWebhookConfiguration the API server asks about a request. */

import { Environment } from '@marcbachmann/cel-js';
import * as v from '../../shared/schema.ts';
import { ApiError } from './api-error.ts';
import type { ApiResource, KubernetesObject } from './objects.ts';

const names = v.pipe(v.array(v.string()), v.minLength(1));

const rule = v.object({
  apiGroups: names,
  apiVersions: names,
  operations: v.pipe(v.array(v.picklist(['CREATE', 'UPDATE', 'DELETE', 'CONNECT', '*'])), v.minLength(1)),
  resources: names,
  scope: v.optional(v.picklist(['Cluster', 'Namespaced', '*']), '*'),
});

const requirement = v.object({
  key: v.string(),
  operator: v.picklist(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: v.optional(v.array(v.string()), []),
});

const selector = v.object({
  matchLabels: v.optional(v.record(v.string(), v.string()), {}),
  matchExpressions: v.optional(v.array(requirement), []),
});

/**
 * The fields that this server knows, with the defaults of the API.
 * https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/validating-webhook-configuration-v1/
 */
const webhook = v.object({
  name: v.string(),
  clientConfig: v.object({ url: v.pipe(v.string(), v.regex(/^https:\/\/[^?#@]+$/)), caBundle: v.optional(v.string()) }),
  failurePolicy: v.optional(v.picklist(['Fail', 'Ignore']), 'Fail'),
  timeoutSeconds: v.optional(v.pipe(v.integer(), v.minValue(1), v.maxValue(30)), 10),
  rules: v.optional(v.array(rule), []),
  namespaceSelector: v.optional(selector),
  matchConditions: v.optional(v.array(v.object({ name: v.string(), expression: v.string() })), []),
});
const configuration = v.object({ webhooks: v.optional(v.array(webhook), []) });

export type Webhook = v.InferOutput<typeof webhook>;

const environment = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });
type Condition = ReturnType<typeof environment.parse>;
/** Expressions come from few configurations, and are asked for with each request. */
const conditions = new Map<string, Condition>();

/**
 * The webhooks of a configuration.
 * @throws ApiError 422 for one that the server cannot follow
 */
export function webhooksIn(object: KubernetesObject): readonly Webhook[] {
  const read = v.safeParse(configuration, object);
  const name = `ValidatingWebhookConfiguration "${object.metadata.name}" is invalid`;
  if (!read.success) throw new ApiError(422, `${name}: ${read.problems.map((one) => v.problemText(one)).join('; ')}`);
  for (const { expression } of read.data.webhooks.flatMap((one) => one.matchConditions)) {
    try {
      conditionOf(expression);
    } catch (error) {
      throw new ApiError(422, `${name}: matchConditions: ${String(error)}`);
    }
  }
  return read.data.webhooks;
}

function conditionOf(expression: string): Condition {
  const known = conditions.get(expression) ?? environment.parse(expression);
  conditions.set(expression, known);
  return known;
}

/** What rules and selectors of a webhook look at. */
export interface Matched {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly resource: ApiResource;
  readonly subresource?: string | undefined;
  /** Of the namespace of the object, or of the object, if it is one; absent for others without a namespace. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** Whether rules and selector of a webhook choose a request. */
export const isChosen = (one: Webhook, request: Matched): boolean =>
  one.rules.some((each) => isListed(each, request)) && isSelected(one.namespaceSelector, request.labels);

function isListed(
  { apiGroups, apiVersions, operations, resources, scope }: Webhook['rules'][number],
  { operation, resource, subresource }: Matched,
): boolean {
  const has = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value);
  const own = resource.isNamespaced ? 'Namespaced' : 'Cluster';
  return (
    has(apiGroups, resource.group) &&
    has(apiVersions, resource.version) &&
    has(operations, operation) &&
    (scope === '*' || scope === own) &&
    resources.some((name) => isNamed(name, resource.name, subresource))
  );
}

/** As `pods`, `pods/status` or `pods/*`. An asterisk in the first place is every resource, without its subresources. */
function isNamed(name: string, resource: string, subresource: string | undefined): boolean {
  const [wanted, wantedSub] = name.split('/');
  return (wanted === '*' || wanted === resource) && (wantedSub === subresource || wantedSub === '*');
}

function isSelected(one: Webhook['namespaceSelector'], labels: Matched['labels']): boolean {
  if (!one || !labels) return true;
  return (
    Object.entries(one.matchLabels).every(([key, value]) => labels[key] === value) &&
    one.matchExpressions.every(({ key, operator, values }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      return (value !== undefined && values.includes(value)) === (operator === 'In');
    })
  );
}

/** What the expressions of conditions name. */
export interface ConditionFacts {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
}

/**
 * Whether all conditions of a webhook hold. One that does not decides over others that fail.
 * @throws what the evaluation of a condition throws
 */
export function conditionsHold({ matchConditions }: Webhook, facts: ConditionFacts): boolean {
  const failures: unknown[] = [];
  for (const { expression } of matchConditions) {
    try {
      if (conditionOf(expression)({ ...facts }) !== true) return false;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return true;
}
