import { type PathUse, webhookPath } from '../../shared/domain/admission/webhook-path.ts';
import { BREAK_GLASS_ANNOTATION } from '../../shared/domain/image/kubernetes-pod.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { modeConditions, PODS, TEMPLATES } from './admission-policies.ts';
import { celText } from './cel.ts';
import type { AskedMode, ClusterDoors } from './door-modes.ts';
import type { Manifest } from './manifest.ts';

/**
 * The API of doors.yaml answers before, if only by an error: the error of an API server that gives up first has the URL in it.
 */
export const TIMEOUT_SECONDS = 5;

/** Where the API of doors.yaml is, and how a path of it is signed. */
export interface SignedWebhook {
  /** `https://HOST`: the output WebhookUrl. */
  readonly url: string;
  /** The signature for a cluster and use, as base64url. */
  sign(use: PathUse, cluster: Cluster): string;
}

/**
 * Makes the API server of a cluster ask the webhook of Patchwave (doors.yaml). Pods fail closed where the door denies, unless the
 * policy lets them start without an answer; everything that only warns fails open. Nothing selects objects: a label would be a way around the door for anybody who creates a pod.
 * Each path is signed for this cluster and one use: who reads the file, or sees a URL in the error of an API server, can ask about
 * this cluster only. The webhook of a break-glass fails closed: an annotation that is in the cluster was asked about, and so set by
 * a person of the policy's groups. Ends fail open.
 */
export function webhookConfiguration(
  doors: ClusterDoors<AskedMode>,
  cluster: Cluster,
  { url, sign }: SignedWebhook,
): Manifest {
  const { modes, namespaces } = doors;
  const urlFor = (use: PathUse): string => `${url}${webhookPath(sign(use, cluster), cluster)}`;
  const hook = (name: string, failurePolicy: 'Fail' | 'Ignore', more: object) => ({
    name: `${name}.patchwave.dev`,
    clientConfig: { url: urlFor('pods') },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    matchPolicy: 'Equivalent',
    failurePolicy,
    timeoutSeconds: TIMEOUT_SECONDS,
    ...more,
  });
  const where = (comparison: string, selector: ReturnType<typeof namespaces>, changes: MatchCondition) => ({
    ...(selector && { namespaceSelector: selector }),
    matchConditions: [...modeConditions(doors, comparison), changes],
  });
  const isOn = namespaces((mode) => mode !== 'off');
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'patchwave' },
    webhooks: [
      ...POD_HOOKS.filter(({ mode }) => modes.has(mode)).map(({ mode, failurePolicy }) =>
        hook(`pods-${mode}`, failurePolicy, {
          rules: [PODS],
          ...where(
            `== '${mode}'`,
            namespaces((one) => one === mode),
            MAY_START_IMAGES,
          ),
        }),
      ),
      hook('workloads', 'Ignore', { rules: TEMPLATES, ...where("!= 'off'", isOn, CHANGES_TEMPLATE) }),
      ...(modes.has('deny') || modes.has('deny-open')
        ? [
            hook('break-glass', 'Fail', { ...BREAK_GLASS, clientConfig: { url: urlFor('namespaces') } }),
            hook('namespaces', 'Ignore', { ...ENDS, clientConfig: { url: urlFor('namespaces') } }),
          ]
        : []),
    ],
  };
}

/**
 * Makes the API server ask for the digests of tags, where the door writes them into pods. Mutating webhooks run before validating ones,
 * so the other configuration decides on the pod as this one leaves it: this one fails open, and what it did not change is refused
 * there. It is asked again if a later webhook adds a container (`IfNeeded`). Its rules name pods alone, so that the templates of owners
 * keep their tags.
 */
export function tagsConfiguration(
  doors: ClusterDoors,
  cluster: Cluster,
  { url, sign }: SignedWebhook,
): readonly Manifest[] {
  if (!doors.modes.has('deny')) return [];
  const selector = doors.namespaces((mode) => mode === 'deny');
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'patchwave' },
      webhooks: [
        {
          name: 'tags.patchwave.dev',
          clientConfig: { url: `${url}${webhookPath(sign('tags', cluster), cluster)}` },
          admissionReviewVersions: ['v1'],
          ...{
            sideEffects: 'None',
            matchPolicy: 'Equivalent',
            reinvocationPolicy: 'IfNeeded',
            failurePolicy: 'Ignore',
          },
          timeoutSeconds: TIMEOUT_SECONDS,
          rules: [PODS],
          ...(selector && { namespaceSelector: selector }),
          matchConditions: [...modeConditions(doors, "== 'deny'"), NAMES_A_TAG, MAY_START_IMAGES],
        },
      ],
    },
  ];
}

/** What the API server does with a pod without an answer, by mode. */
const POD_HOOKS = [
  { mode: 'deny', failurePolicy: 'Fail' },
  { mode: 'deny-open', failurePolicy: 'Ignore' },
  { mode: 'warn', failurePolicy: 'Ignore' },
] as const;

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

/** Most pods name digests alone, and ask nothing more. */
const NAMES_A_TAG: MatchCondition = {
  name: 'names-a-tag',
  expression: ['containers', 'initContainers', 'ephemeralContainers']
    .map((list) => `object.spec.?${list}.orValue([]).exists(c, !c.?image.orValue('').contains('@'))`)
    .join('\n|| '),
};

/** Every list of a pod that can name an image. */
const MAY_START_IMAGES = changes(
  ...['containers', 'initContainers', 'ephemeralContainers', 'volumes'].map((list) => `?spec.?${list}`),
);
/** Where the kinds have the template of their pods. */
const CHANGES_TEMPLATE = changes('?spec.?template', '?spec.?jobTemplate', '?template');

/** A new namespace has no `oldObject`, and one that is deleted no `object`. */
const annotationOf = (object: string): string =>
  `(${object} == null ? null : ${object}.metadata.?annotations[?${celText(BREAK_GLASS_ANNOTATION)}].orValue(null))`;

const ofNamespaces = (operations: readonly string[], matchCondition: MatchCondition) => ({
  rules: [
    {
      ...{ apiGroups: [''], apiVersions: ['v1'], operations, scope: 'Cluster' },
      // Annotations can be changed through both subresources as well.
      resources: ['namespaces', 'namespaces/status', 'namespaces/finalize'],
    },
  ],
  // What is accepted is checked later.
  sideEffects: 'NoneOnDryRun',
  matchConditions: [matchCondition],
});

/** A namespace may be opened for some hours by its annotation. No other change of a namespace can fail by this one. */
const BREAK_GLASS = ofNamespaces(['CREATE', 'UPDATE'], {
  name: 'break-glass-is-set',
  expression: `${annotationOf('object')} != null && ${annotationOf('object')} != ${annotationOf('oldObject')}`,
});

/**
 * The removal of the annotation ends it, and so does the deletion of the namespace. A new namespace without one asks too: the
 * deletion of an earlier one of its name may not have been asked about. Every other change of a namespace is left alone.
 */
const ENDS = ofNamespaces(['CREATE', 'UPDATE', 'DELETE'], {
  name: 'break-glass-may-end',
  expression: `${annotationOf('object')} == null\n&& (request.operation == 'CREATE' || ${annotationOf('oldObject')} != null)`,
});
