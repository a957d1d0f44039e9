/**
 * The admission policies of a cluster in Node.js, as the API server evaluates them: the shipped YAML, its conditions, variables
 * and validations. It knows no limit on the cost of an expression; the real server has one.
 */
import { Environment } from '@marcbachmann/cel-js';
import { parseAllDocuments } from 'yaml';
import * as v from '../../shared/schema.ts';

/** One request, as the API server gives it to expressions. */
export interface PolicyInput {
  readonly object: unknown;
  /** Absent for a creation. */
  readonly oldObject?: unknown;
  readonly request: PolicyRequest;
  /** The lists of allowed images that are on the server, by name. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly namespaceObject?: unknown;
}

export interface PolicyRequest {
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly subResource?: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly namespace: string;
  readonly userInfo: { readonly username: string; readonly groups?: readonly string[] };
}

/** A validation that failed. */
export interface PolicyObjection {
  readonly policy: string;
  readonly decision: 'warn' | 'deny';
  /** What the message cites in parentheses. */
  readonly ruleId: string;
  readonly message: string;
}

export interface PolicyDecision {
  readonly decision: 'allow' | 'warn' | 'deny';
  /** Those that deny first, each in the order of the policies. */
  readonly objections: readonly PolicyObjection[];
  /** How many policies matched the request and were evaluated. */
  readonly evaluated: number;
  /** What could not be evaluated. Where the failure policy is `Fail`, it is an objection too. */
  readonly errors: readonly string[];
}

export const namedExpression = v.object({ name: v.string(), expression: v.string() });
export const validationSchema = v.object({
  expression: v.string(),
  message: v.string(),
  messageExpression: v.string(),
});
const policySchema = v.object({
  kind: v.literal('ValidatingAdmissionPolicy'),
  metadata: v.object({ name: v.string() }),
  spec: v.object({
    failurePolicy: v.picklist(['Fail', 'Ignore']),
    paramKind: v.optional(v.object({ kind: v.string() })),
    matchConstraints: v.object({
      resourceRules: v.array(
        v.object({
          apiGroups: v.array(v.string()),
          apiVersions: v.array(v.string()),
          operations: v.array(v.string()),
          resources: v.array(v.string()),
        }),
      ),
    }),
    matchConditions: v.optional(v.array(namedExpression), []),
    variables: v.array(namedExpression),
    validations: v.array(validationSchema),
  }),
});
const bindingSchema = v.object({
  kind: v.literal('ValidatingAdmissionPolicyBinding'),
  spec: v.object({
    policyName: v.string(),
    validationActions: v.array(v.picklist(['Deny', 'Warn', 'Audit'])),
    matchResources: v.optional(
      v.object({
        namespaceSelector: v.object({
          matchExpressions: v.array(
            v.object({
              key: v.literal('kubernetes.io/metadata.name'),
              operator: v.picklist(['In', 'NotIn']),
              values: v.array(v.string()),
            }),
          ),
        }),
      }),
    ),
    paramRef: v.optional(v.object({ name: v.string(), parameterNotFoundAction: v.picklist(['Deny', 'Allow']) })),
  }),
});
type AdmissionPolicy = v.InferOutput<typeof policySchema>;
type Binding = v.InferOutput<typeof bindingSchema>;

/** Policies with the binding of each, in the order of the text. */
interface BoundPolicy {
  readonly policy: AdmissionPolicy;
  readonly binding: Binding;
}

const read = new Map<string, readonly BoundPolicy[]>();

function boundPolicies(yaml: string): readonly BoundPolicy[] {
  const known = read.get(yaml);
  if (known) return known;
  const documents = parseAllDocuments(yaml).map((document): unknown => document.toJS());
  const ofKind = (kind: string) =>
    documents.filter((one) => typeof one === 'object' && one !== null && 'kind' in one && one.kind === kind);
  const bindings = ofKind('ValidatingAdmissionPolicyBinding').map((one) => v.parse(bindingSchema, one));
  const bound = ofKind('ValidatingAdmissionPolicy').map((one) => {
    const policy = v.parse(policySchema, one);
    const [binding, ...more] = bindings.filter(({ spec }) => spec.policyName === policy.metadata.name);
    if (!binding || more.length > 0) throw new Error(`${policy.metadata.name} needs exactly one binding`);
    return { policy, binding };
  });
  read.set(yaml, bound);
  return bound;
}

// The API server knows that `string` of anything is a string; this package does not, so it cannot check the types in a map.
const environment = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
});
const parsed = new Map<string, ReturnType<Environment['parse']>>();

function evaluated(text: string, context: Readonly<Record<string, unknown>>): unknown {
  let program = parsed.get(text);
  if (!program) {
    program = environment.parse(text);
    parsed.set(text, program);
  }
  return program(context);
}

/**
 * What the policies of a YAML text answer to a request.
 * @param yaml a file of `enforcement:build`, as it is shipped
 */
export function evaluatePolicy(yaml: string, input: PolicyInput): PolicyDecision {
  const matching = boundPolicies(yaml).filter((bound) => matches(bound, input.request));
  const errors: string[] = [];
  const results = matching.map((bound) => objectionsOf(bound, input, errors));
  const objections = results.flatMap((result) => result ?? []);
  const denied = objections.filter(({ decision }) => decision === 'deny');
  return {
    decision: denied.length > 0 ? 'deny' : objections.length > 0 ? 'warn' : 'allow',
    objections: [...denied, ...objections.filter(({ decision }) => decision === 'warn')],
    evaluated: results.filter((result) => result !== undefined).length,
    errors,
  };
}

function matches({ policy, binding }: BoundPolicy, request: PolicyRequest): boolean {
  const { operation, resource, subResource, namespace } = request;
  const name = subResource === undefined ? resource.resource : `${resource.resource}/${subResource}`;
  // The API server gives every namespace the label with its name.
  const selected = binding.spec.matchResources?.namespaceSelector.matchExpressions ?? [];
  if (!selected.every(({ operator, values }) => values.includes(namespace) === (operator === 'In'))) return false;
  return policy.spec.matchConstraints.resourceRules.some(
    ({ apiGroups, apiVersions, operations, resources }) =>
      apiGroups.includes(resource.group) &&
      apiVersions.includes(resource.version) &&
      operations.includes(operation) &&
      resources.includes(name),
  );
}

/** The rule that a message cites. */
export const ruleIn = (message: string): string => /\(([a-z0-9-]+)\)[^()]*$/.exec(message)?.[1] ?? '';

/** The messages of the validations that fail. `context.variables` gets each variable, for those behind it. */
export function failedValidations(
  { variables, validations }: Pick<AdmissionPolicy['spec'], 'variables' | 'validations'>,
  context: { readonly variables: Record<string, unknown>; readonly [name: string]: unknown },
): readonly string[] {
  for (const { name, expression } of variables) context.variables[name] = evaluated(expression, context);
  return validations.flatMap(({ expression, message, messageExpression }) => {
    if (evaluated(expression, context) === true) return [];
    const text = evaluated(messageExpression, context);
    return [typeof text === 'string' && !text.includes('\n') ? text : message];
  });
}

/** @returns `undefined` if a condition leaves the request out */
function objectionsOf(
  { policy, binding }: BoundPolicy,
  input: PolicyInput,
  errors: string[],
): readonly PolicyObjection[] | undefined {
  const { metadata, spec } = policy;
  const decision = binding.spec.validationActions.includes('Deny') ? 'deny' : 'warn';
  const failed = (message: string) => [{ policy: metadata.name, decision, ruleId: ruleIn(message), message } as const];
  try {
    const { request, object, oldObject = null, namespaceObject = null } = input;
    const known = {
      object,
      oldObject,
      namespaceObject,
      request: { ...request, subResource: request.subResource ?? '' },
    };
    if (!spec.matchConditions.every((condition) => evaluated(condition.expression, known) === true)) return undefined;
    const { paramRef } = binding.spec;
    const params = paramRef && (input.params?.[paramRef.name] ?? null);
    if (paramRef && params === null) {
      if (paramRef.parameterNotFoundAction === 'Allow') return [];
      throw new Error('no params found for policy binding');
    }
    const context = { ...known, params, variables: {} };
    return failedValidations(spec, context).flatMap(failed);
  } catch (error) {
    const text = `${metadata.name} cannot be evaluated: ${error instanceof Error ? error.message : String(error)}`;
    errors.push(text);
    return spec.failurePolicy === 'Ignore' ? [] : failed(text);
  }
}
