import { ALLOWED_IMAGES, type Shard, type ShardCount, shardSet } from '../../shared/domain/admission/allowed-images.ts';
import type { DoorMode } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { AskedMode, ClusterDoors } from './door-modes.ts';
import {
  nameVariables,
  referenceValidations,
  referenceVariables,
  type Validation,
  type Variable,
} from './image-rules.ts';
import { digestsListed, listVariables, listWarnings } from './list-rules.ts';
import type { Manifest } from './manifest.ts';
import { isMirror, isPod, namesDigest, POD_RESOURCES, podVariables, TEMPLATE_RESOURCES } from './pod-rules.ts';
import { API_SERVER } from './subject.ts';

type Settings = Pick<Policy, 'approvedRegistries' | 'awsManaged'>;
type Severity = 'deny' | 'warn';

/** The modes of the namespaces that a policy is for. */
export const isFor = (severity: Severity) => (mode: DoorMode) =>
  severity === 'deny' ? mode === 'deny' : mode !== 'off';

export const resourceRule = (group: string, resources: readonly string[]) => ({
  apiGroups: [group],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources,
  scope: 'Namespaced',
});
export const PODS = resourceRule('', POD_RESOURCES);
export const TEMPLATES = TEMPLATE_RESOURCES.map(({ group, resources }) => resourceRule(group, resources));

/** Whether the policy that denies decides, so that the one that warns says only what it does not. */
const isDenying = ({ mode, modes }: ClusterDoors): string =>
  modes.has('deny')
    ? `${mode(API_SERVER.namespace)} == 'deny' && ${isPod(API_SERVER)} && !(${isMirror(API_SERVER)})`
    : 'false';

/** The namespaces of a mode; none if every namespace has it. */
export function modeConditions<Mode extends AskedMode>({ mode, modes }: ClusterDoors<Mode>, comparison: string) {
  if (modes.size === 1) return [];
  return [{ name: 'mode', expression: `${mode(API_SERVER.namespace)} ${comparison}` }];
}

const conditions = (doors: ClusterDoors, severity: Severity) =>
  severity === 'warn'
    ? modeConditions(doors, "!= 'off'")
    : [...modeConditions(doors, "== 'deny'"), { name: 'not-a-static-pod', expression: `!(${isMirror(API_SERVER)})` }];

interface Rules {
  readonly variables: readonly Variable[];
  readonly validations: readonly Validation[];
  /** The list of allowed images that the rules look into. */
  readonly list?: Shard;
}

function policyAndBinding(name: string, doors: ClusterDoors, severity: Severity, rules: Rules): readonly Manifest[] {
  const { variables, validations, list } = rules;
  const metadata = { name: `${name}-${severity}` };
  const namespaceSelector = doors.namespaces(isFor(severity));
  const matchConditions = [
    ...conditions(doors, severity),
    // Most objects name digests of few lists: the policies of the others cost next to nothing.
    ...(list && list.prefix !== ''
      ? [{ name: 'names-a-digest-of-the-list', expression: namesDigest(API_SERVER, list.prefix) }]
      : []),
  ];
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        // A rule that cannot be evaluated is no reason to pass, nor to refuse where the door only warns.
        failurePolicy: severity === 'deny' ? 'Fail' : 'Ignore',
        ...(list && { paramKind: ALLOWED_IMAGES }),
        matchConstraints: { resourceRules: severity === 'deny' ? [PODS] : [PODS, ...TEMPLATES] },
        ...(matchConditions.length > 0 && { matchConditions }),
        variables: [...podVariables(API_SERVER), ...variables],
        validations: validations.map((validation) => ({ ...validation, reason: 'Forbidden' })),
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: {
        policyName: metadata.name,
        ...(namespaceSelector && { matchResources: { namespaceSelector } }),
        validationActions: [severity === 'deny' ? 'Deny' : 'Warn', 'Audit'],
        ...(list && { paramRef: { name: list.name, parameterNotFoundAction: 'Deny' } }),
      },
    },
  ];
}

function referencePolicy(policy: Settings, doors: ClusterDoors, severity: Severity): readonly Manifest[] {
  const isDenied = severity === 'deny';
  const variables = [
    ...referenceVariables(policy),
    { name: 'requiresDigest', expression: doors.requireDigest(API_SERVER.namespace) },
    ...(isDenied ? [] : [{ name: 'isDenying', expression: isDenying(doors) }]),
  ];
  const unless = isDenied
    ? { any: 'false', digest: '!variables.requiresDigest' }
    : { any: 'variables.isDenying', digest: '(variables.isDenying && variables.requiresDigest)' };
  return policyAndBinding('patchwave-references', doors, severity, {
    variables,
    validations: referenceValidations(policy, unless),
  });
}

function listPolicy(policy: Settings, list: Shard, doors: ClusterDoors, severity: Severity): readonly Manifest[] {
  const isDenied = severity === 'deny';
  return policyAndBinding(`patchwave-images-${list.name}`, doors, severity, {
    list,
    variables: [
      ...nameVariables(policy),
      ...listVariables(list, API_SERVER),
      ...(isDenied ? [] : [{ name: 'isDenying', expression: isDenying(doors) }]),
    ],
    validations: isDenied
      ? [digestsListed('variables.isOutdated')]
      : [digestsListed('(variables.isDenying && !variables.isOutdated)'), ...listWarnings(API_SERVER)],
  });
}

/**
 * ValidatingAdmissionPolicies of one cluster with their bindings: on references, and on each list of allowed images. One denies
 * where the door denies, and one warns everywhere else, because a binding does either.
 */
export function admissionPolicies(policy: Settings, doors: ClusterDoors, count: ShardCount): readonly Manifest[] {
  const severities = (['deny', 'warn'] as const).filter((severity) => [...doors.modes].some(isFor(severity)));
  return [
    ...severities.flatMap((severity) => referencePolicy(policy, doors, severity)),
    ...shardSet(count).flatMap((list) => severities.flatMap((severity) => listPolicy(policy, list, doors, severity))),
  ];
}
