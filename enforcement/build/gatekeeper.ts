import {
  CONSTRAINT,
  CONSTRAINT_RESOURCE,
  constraintNamed,
  WHOLE,
} from '../../shared/domain/admission/allowed-images.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { isFor } from './admission-policies.ts';
import { allowedImagesSpec } from './allowed-images.ts';
import type { ClusterDoors } from './door-modes.ts';
import { referenceValidations, referenceVariables } from './image-rules.ts';
import { digestsListed, listVariables, listWarnings } from './list-rules.ts';
import type { Manifest } from './manifest.ts';
import { isMirror, isPod, podVariables, TEMPLATE_RESOURCES } from './pod-rules.ts';
import { GATEKEEPER } from './subject.ts';

/** A constraint without a list has one that is out of date. */
const allowed = {
  name: 'allowed',
  expression: `variables.params.?allowed.orValue({'notAfter': dyn('1970-01-01T00:00:00Z'), 'digests': dyn({})})`,
};

/**
 * A ConstraintTemplate of Gatekeeper with the expressions of the admission policies, and a constraint for each enforcement
 * action. The list of allowed images is in the parameters of the constraints, so it holds at most 20,000 digests. The files leave
 * it out, so that one who applies them again takes away nothing that was published.
 */
export function gatekeeperManifests(
  policy: Pick<Policy, 'approvedRegistries' | 'awsManaged'>,
  doors: ClusterDoors,
): readonly Manifest[] {
  const isDenying = `${doors.mode(GATEKEEPER.namespace)} == 'deny' && ${isPod(GATEKEEPER)} && !(${isMirror(GATEKEEPER)})`;
  const variables = [
    ...podVariables(GATEKEEPER),
    ...referenceVariables(policy),
    allowed,
    ...listVariables(WHOLE, GATEKEEPER),
    { name: 'requiresDigest', expression: doors.requireDigest(GATEKEEPER.namespace) },
    { name: 'isDenying', expression: isDenying },
    {
      name: 'isWarning',
      expression: `variables.params.severity == 'warn' && ${doors.mode(GATEKEEPER.namespace)} != 'off'`,
    },
    // Not to be judged by this constraint, because the other one does.
    {
      name: 'isLeft',
      expression:
        "variables.params.severity == 'deny' ? !variables.isDenying : (variables.isDenying || !variables.isWarning)",
    },
  ];
  const validations = [
    ...referenceValidations(policy, {
      any: 'variables.isLeft',
      digest: `(variables.params.severity == 'deny' ? !(variables.isDenying && variables.requiresDigest) : (!variables.isWarning || (variables.isDenying && variables.requiresDigest)))`,
    }),
    digestsListed(
      "(variables.params.severity == 'deny' ? (!variables.isDenying || variables.isOutdated) : (!variables.isWarning || (variables.isDenying && !variables.isOutdated)))",
    ),
    ...listWarnings(GATEKEEPER, '!variables.isWarning'),
  ];
  const template: Manifest = {
    apiVersion: 'templates.gatekeeper.sh/v1',
    kind: 'ConstraintTemplate',
    metadata: { name: CONSTRAINT_RESOURCE },
    spec: {
      crd: {
        spec: {
          names: { kind: CONSTRAINT.kind },
          validation: {
            openAPIV3Schema: {
              type: 'object',
              required: ['severity'],
              properties: { severity: { type: 'string', enum: ['deny', 'warn'] }, allowed: allowedImagesSpec },
            },
          },
        },
      },
      targets: [
        {
          target: 'admission.k8s.gatekeeper.sh',
          code: [{ engine: 'K8sNativeValidation', source: { failurePolicy: 'Fail', variables, validations } }],
        },
      ],
    },
  };
  const severities = (['deny', 'warn'] as const).filter((severity) => [...doors.modes].some(isFor(severity)));
  return [template, ...severities.map(constraint)];
}

function constraint(severity: 'deny' | 'warn'): Manifest {
  const pods = { apiGroups: [''], kinds: ['Pod'] };
  const templates = TEMPLATE_RESOURCES.map(({ group, kinds }) => ({ apiGroups: [group], kinds }));
  return {
    ...CONSTRAINT,
    metadata: { name: constraintNamed(severity) },
    spec: {
      enforcementAction: severity,
      match: { kinds: severity === 'deny' ? [pods] : [pods, ...templates] },
      parameters: { severity },
    },
  };
}
