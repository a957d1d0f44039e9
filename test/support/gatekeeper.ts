/** The constraints of a cluster in Node.js: the shipped ConstraintTemplate, evaluated as Gatekeeper does it. */
import { parseAllDocuments } from 'yaml';
import * as v from '../../shared/schema.ts';
import {
  failedValidations,
  namedExpression,
  type PolicyDecision,
  type PolicyInput,
  type PolicyObjection,
  ruleIn,
  validationSchema,
} from './admission-policy.ts';

const templateSchema = v.object({
  spec: v.object({
    targets: v.array(
      v.object({
        code: v.array(
          v.object({
            engine: v.literal('K8sNativeValidation'),
            source: v.object({ variables: v.array(namedExpression), validations: v.array(validationSchema) }),
          }),
        ),
      }),
    ),
  }),
});
const constraintSchema = v.object({
  metadata: v.object({ name: v.string() }),
  spec: v.object({
    enforcementAction: v.picklist(['deny', 'warn']),
    match: v.object({ kinds: v.array(v.object({ apiGroups: v.array(v.string()), kinds: v.array(v.string()) })) }),
    parameters: v.looseObject({ severity: v.string() }),
  }),
});

/**
 * What the constraints of a YAML text answer to a request.
 * @param yaml the file `gatekeeper.yaml` of `enforcement:build`
 * @param allowed the list of allowed images that is in the parameters, if there is one
 */
export function evaluateConstraints(yaml: string, input: PolicyInput, allowed: unknown): PolicyDecision {
  const [first, ...others] = parseAllDocuments(yaml).map((document): unknown => document.toJS());
  const [code] = v.parse(templateSchema, first).spec.targets.flatMap((target) => target.code);
  if (!code) throw new Error('the template has no code');
  const { object, oldObject = null, request } = input;
  const { group, kind } = request.kind;
  const matching = others
    .map((one) => v.parse(constraintSchema, one))
    .filter(({ spec }) =>
      spec.match.kinds.some(({ apiGroups, kinds }) => apiGroups.includes(group) && kinds.includes(kind)),
    );
  const errors: string[] = [];
  const objections = matching.flatMap(({ metadata, spec }): PolicyObjection[] => {
    const decision = spec.enforcementAction;
    const failed = (message: string) => ({ policy: metadata.name, decision, ruleId: ruleIn(message), message });
    const params = { ...spec.parameters, ...(allowed !== undefined && { allowed }) };
    try {
      const variables = { anyObject: named(object ?? oldObject, kind, request.namespace), params };
      return failedValidations(code.source, { object, oldObject, request, variables }).map(failed);
    } catch (error) {
      errors.push(`${metadata.name}: ${error instanceof Error ? error.message : String(error)}`);
      return [failed('the constraint cannot be evaluated')];
    }
  });
  const denied = objections.filter(({ decision }) => decision === 'deny');
  const warned = objections.filter(({ decision }) => decision === 'warn');
  const decision = denied.length > 0 ? 'deny' : warned.length > 0 ? 'warn' : 'allow';
  return { decision, objections: [...denied, ...warned], evaluated: matching.length, errors };
}

/** The API server has written kind and namespace into the object before Gatekeeper gets it. */
function named(object: unknown, kind: string, namespace: string): object {
  const known = typeof object === 'object' && object !== null ? object : {};
  const metadata = 'metadata' in known && typeof known.metadata === 'object' ? known.metadata : {};
  return { kind, ...known, metadata: { namespace, ...metadata } };
}
