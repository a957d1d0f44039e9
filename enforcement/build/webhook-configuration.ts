import { BREAK_GLASS_ANNOTATION } from '../../shared/domain/admission/break-glass.ts';
import { podSecretOf } from '../../shared/domain/admission/webhook-secret.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { modeConditions, PODS, TEMPLATES } from './admission-policies.ts';
import { celText } from './cel.ts';
import type { ClusterDoors } from './door-modes.ts';
import type { Manifest } from './manifest.ts';

/**
 * The API of doors.yaml answers before, if only by an error: the error of an API server that gives up first has the URL in it.
 */
export const TIMEOUT_SECONDS = 5;

/**
 * Makes the API server of a cluster ask the webhook of Patchwave (doors.yaml). Pods fail closed where the door denies; everything
 * that only warns fails open. Nothing selects objects: a label would be a way around the door for anybody who creates a pod.
 * An API server that cannot call a webhook with `Fail` shows its URL to the person. So that URL has a secret that opens no
 * namespace, and the webhook of namespaces fails open: an annotation that was not asked about has no effect.
 * @param url `https://HOST/SECRET`: the URL of the stack, with the secret
 */
export function webhookConfiguration(doors: ClusterDoors, { account, cluster }: Cluster, url: string): Manifest {
  const { modes, namespaces } = doors;
  const slash = url.lastIndexOf('/') + 1;
  const urlForPods = url.slice(0, slash) + podSecretOf(url.slice(slash));
  const hook = (name: string, failurePolicy: 'Fail' | 'Ignore', more: object) => ({
    name: `${name}.patchwave.dev`,
    clientConfig: { url: `${urlForPods}/${account}/${cluster}` },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    matchPolicy: 'Equivalent',
    failurePolicy,
    timeoutSeconds: TIMEOUT_SECONDS,
    ...more,
  });
  const where = (comparison: string, selector: ReturnType<ClusterDoors['namespaces']>, changes: MatchCondition) => ({
    ...(selector && { namespaceSelector: selector }),
    matchConditions: [...modeConditions(doors, comparison), changes],
  });
  const isOn = namespaces((mode) => mode !== 'off');
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'patchwave' },
    webhooks: [
      ...(modes.has('deny')
        ? [
            hook('pods-deny', 'Fail', {
              rules: [PODS],
              ...where(
                "== 'deny'",
                namespaces((mode) => mode === 'deny'),
                MAY_START_IMAGES,
              ),
            }),
          ]
        : []),
      ...(modes.has('warn')
        ? [
            hook('pods-warn', 'Ignore', {
              rules: [PODS],
              ...where(
                "== 'warn'",
                namespaces((mode) => mode === 'warn'),
                MAY_START_IMAGES,
              ),
            }),
          ]
        : []),
      hook('workloads', 'Ignore', { rules: TEMPLATES, ...where("!= 'off'", isOn, CHANGES_TEMPLATE) }),
      ...(modes.has('deny')
        ? [hook('namespaces', 'Ignore', { ...BREAK_GLASS, clientConfig: { url: `${url}/${account}/${cluster}` } })]
        : []),
    ],
  };
}

interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/**
 * Most updates cannot start an image, so they ask nothing, and pass while the webhook is down: labels, finalizers, replicas.
 * @param fields what an update must change to ask
 */
const changes = (...fields: readonly string[]): MatchCondition => ({
  name: 'changes',
  expression: [
    "request.operation != 'UPDATE'",
    ...fields.map((field) => `object.${field}.orValue(null) != oldObject.${field}.orValue(null)`),
  ].join('\n|| '),
});

/** Every list of a pod that can name an image. */
const MAY_START_IMAGES = changes(
  ...['containers', 'initContainers', 'ephemeralContainers', 'volumes'].map((list) => `?spec.?${list}`),
);
/** Where the kinds have the template of their pods. */
const CHANGES_TEMPLATE = changes('?spec.?template', '?spec.?jobTemplate', '?template');

/** A new namespace has no `oldObject`, and one that is deleted no `object`. */
const annotationOf = (object: string): string =>
  `(${object} == null ? null : ${object}.metadata.?annotations[?${celText(BREAK_GLASS_ANNOTATION)}].orValue(null))`;

/**
 * A namespace may be opened for some hours by its annotation, and its deletion ends that. A new namespace asks too: the deletion of
 * an earlier one of its name may not have been recorded. Every other change of a namespace is left alone.
 */
const BREAK_GLASS = {
  rules: [
    {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: ['namespaces'],
      scope: 'Cluster',
    },
  ],
  // An accepted exception is recorded.
  sideEffects: 'NoneOnDryRun',
  matchConditions: [
    {
      name: 'break-glass-changes',
      expression: `request.operation == 'CREATE'\n|| ${annotationOf('object')} != ${annotationOf('oldObject')}`,
    },
  ],
};
