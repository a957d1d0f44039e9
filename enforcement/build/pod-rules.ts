import { askedVariables, imagesIn, type Variable } from './image-rules.ts';
import type { Subject } from './subject.ts';

/** The resources that start images, and those with a pod template: of these pods will be asked for later. */
export const POD_RESOURCES = ['pods', 'pods/ephemeralcontainers'] as const;
export const TEMPLATE_RESOURCES = [
  { group: '', resources: ['replicationcontrollers', 'podtemplates'], kinds: ['ReplicationController', 'PodTemplate'] },
  {
    group: 'apps',
    resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'],
    kinds: ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'],
  },
  { group: 'batch', resources: ['jobs', 'cronjobs'], kinds: ['Job', 'CronJob'] },
] as const;

export const isPod = ({ kind }: Subject): string => `${kind} == 'Pod'`;

/** The `spec` of the pod in an object of each kind. */
const podIn = (subject: Subject, object: string): string =>
  `${isPod(subject)} ? ${object}.spec :
${subject.kind} == 'CronJob' ? ${object}.spec.jobTemplate.spec.template.spec :
${subject.kind} == 'PodTemplate' ? ${object}.?template.?spec.orValue({}) :
${object}.spec.?template.?spec.orValue({})`;

/** The images that an object asks for, in `asked`. */
export const podVariables = (subject: Subject): readonly Variable[] => [
  { name: 'pod', expression: podIn(subject, subject.object) },
  { name: 'podBefore', expression: `${subject.before} == null ? {} :\n${podIn(subject, subject.before)}` },
  ...askedVariables({ spec: 'variables.pod', before: 'variables.podBefore', isNew: `${subject.before} == null` }),
];

/** Whether an object names a digest with these first letters, without any variable: asked before all else, of every object. */
export const namesDigest = (subject: Subject, prefix: string): string =>
  `[${podIn(subject, subject.object)}].exists(pod,\n(${imagesIn('pod')}).exists(i, i.contains('@sha256:${prefix}')))`;

/**
 * The mirror of a static pod, made by the kubelet that runs it: it starts in any case. Anybody can write the annotation, so the
 * user must be a node.
 */
export const isMirror = ({ object }: Subject): string =>
  `'kubernetes.io/config.mirror' in ${object}.metadata.?annotations.orValue({})
&& request.userInfo.username.startsWith('system:node:')
&& has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups`;
