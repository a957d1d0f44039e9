import type { DoorMode } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { ALLOWED_IMAGES, type Shard, type ShardCount, shards } from './allowed-images.ts';
import { celText } from './cel.ts';
import type { ClusterDoors } from './door-modes.ts';
import {
  askedVariables,
  emptyList,
  referenceValidations,
  referenceVariables,
  type Validation,
  type Variable,
} from './image-rules.ts';
import type { Manifest } from './manifest.ts';

/** Rules of the doors that decide by a list of allowed images. */
export const LIST_RULES = { digestAllowed: 'digest-allowed', listCurrent: 'list-current' } as const;

type Settings = Pick<Policy, 'approvedRegistries' | 'awsManaged'>;
type Severity = 'deny' | 'warn';

const rule = (group: string, resources: readonly string[]) => ({
  apiGroups: [group],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources,
  scope: 'Namespaced',
});
const PODS = rule('', ['pods', 'pods/ephemeralcontainers']);
/** Everything with a pod template: its pods will be asked for later, so a warning comes early. */
const TEMPLATES = [
  rule('', ['replicationcontrollers', 'podtemplates']),
  rule('apps', ['deployments', 'replicasets', 'statefulsets', 'daemonsets']),
  rule('batch', ['jobs', 'cronjobs']),
];

const IS_POD = "request.kind.kind == 'Pod'";

/** The `spec` of the pod in an object of each kind. */
const podOf = (object: string): string =>
  `${IS_POD} ? ${object}.spec :
request.kind.kind == 'CronJob' ? ${object}.spec.jobTemplate.spec.template.spec :
request.kind.kind == 'PodTemplate' ? ${object}.?template.?spec.orValue({}) :
${object}.spec.?template.?spec.orValue({})`;

const podVariables: readonly Variable[] = [
  { name: 'pod', expression: podOf('object') },
  { name: 'podBefore', expression: `oldObject == null ? {} :\n${podOf('oldObject')}` },
  ...askedVariables({ spec: 'variables.pod', before: 'variables.podBefore', isNew: 'oldObject == null' }),
];

/**
 * The mirror of a static pod, made by the kubelet that runs it: it starts in any case. Anybody can write the annotation, so the
 * user must be a node.
 */
const IS_MIRROR = `'kubernetes.io/config.mirror' in object.metadata.?annotations.orValue({})
&& request.userInfo.username.startsWith('system:node:')
&& has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups`;

/** Whether the policy that denies decides, so that the one that warns says only what it does not. */
const isDenying = ({ mode, modes }: ClusterDoors): string =>
  modes.has('deny') ? `${mode} == 'deny' && ${IS_POD} && !(${IS_MIRROR})` : 'false';

/** The modes of the namespaces that a policy is for. */
const isFor = (severity: Severity) => (mode: DoorMode) => (severity === 'deny' ? mode === 'deny' : mode !== 'off');

function conditions({ mode, modes }: ClusterDoors, severity: Severity) {
  const isMode = severity === 'deny' ? `${mode} == 'deny'` : `${mode} != 'off'`;
  const isAlways = modes.size === 1;
  return [
    ...(isAlways ? [] : [{ name: 'mode', expression: isMode }]),
    ...(severity === 'deny' ? [{ name: 'not-a-static-pod', expression: `!(${IS_MIRROR})` }] : []),
  ];
}

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
  const matchConditions = conditions(doors, severity);
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
        variables: [...podVariables, ...variables],
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
    { name: 'requiresDigest', expression: doors.requireDigest },
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

/** The clock of the API server: it writes this field itself, at a creation only. Nothing tells the time of an update. */
const CREATED_AT = 'timestamp(object.metadata.creationTimestamp)';

/** What the list says of the digests that begin with its prefix. */
function listVariables({ prefix }: Shard): readonly Variable[] {
  const pattern = `@sha256:${prefix}[0-9a-f]{${64 - prefix.length}}$`;
  const isInTime = `(!variables.hasClock || ${CREATED_AT} < timestamp(params.spec.running[d].until))`;
  return [
    {
      name: 'digests',
      expression: `variables.asked.filter(i, i.matches(${celText(pattern)})).map(i, i.substring(i.size() - 64))`,
    },
    {
      name: 'hasClock',
      expression: "request.operation == 'CREATE' && has(object.metadata.creationTimestamp)",
    },
    {
      name: 'isOutdated',
      expression: `variables.hasClock && ${CREATED_AT} > timestamp(params.spec.notAfter)`,
    },
    {
      name: 'running',
      expression: `variables.digests.filter(d, has(params.spec.running) && d in params.spec.running\n&& request.namespace in params.spec.running[d].namespaces && ${isInTime})`,
    },
    {
      name: 'unlisted',
      expression: 'variables.digests.filter(d, !(d in params.spec.digests) && !(d in variables.running))',
    },
  ];
}

const images = (list: string): string => `${list}.map(d, 'sha256:' + d)`;

function listValidations(severity: Severity): readonly Validation[] {
  const { digestAllowed, listCurrent } = LIST_RULES;
  const unlisted = (unless: string): Validation =>
    emptyList(
      images('variables.unlisted'),
      digestAllowed,
      'is not in the list of images that may start',
      'Deploy an image that the policy allows; patchwave why shows what it says of this one.',
      unless,
    );
  if (severity === 'deny') return [unlisted('variables.isOutdated')];
  return [
    unlisted('(variables.isDenying && !variables.isOutdated)'),
    {
      expression: 'variables.running.size() == 0',
      message: 'An image may start here only for now, because it runs here already. Deploy a newer image.',
      messageExpression:
        "'Image sha256:' + variables.running[0] + ' may start here until ' + string(params.spec.running[variables.running[0]].until) + ', because it runs here already. Then it is refused (' + params.spec.running[variables.running[0]].rule + '). Deploy a newer image before.'",
    },
    {
      expression: '!variables.isOutdated || variables.digests.size() == 0',
      message: `The list of images that may start is out of date, so it refuses nothing (${listCurrent}). Check what publishes it.`,
      messageExpression: `'The list of images that may start ended at ' + string(params.spec.notAfter) + ', so it refuses nothing (${listCurrent}). Check what publishes it.'`,
    },
  ];
}

function listPolicy(list: Shard, doors: ClusterDoors, severity: Severity): readonly Manifest[] {
  const isWarning = severity === 'warn';
  return policyAndBinding(`patchwave-images-${list.name}`, doors, severity, {
    list,
    variables: [...listVariables(list), ...(isWarning ? [{ name: 'isDenying', expression: isDenying(doors) }] : [])],
    validations: listValidations(severity),
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
    ...shards(count).flatMap((list) => severities.flatMap((severity) => listPolicy(list, doors, severity))),
  ];
}
