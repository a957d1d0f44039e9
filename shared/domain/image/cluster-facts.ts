import * as v from '../../schema.ts';
import { cutText } from '../common/cut-text.ts';
import { digest } from './digest-schema.ts';
import {
  BREAK_GLASS_ANNOTATION,
  LONGEST,
  type NodeFacts,
  nodeFacts,
  type ObjectMetadata,
  type OwnedFacts,
  ownedFacts,
  type Pod,
  type PodFacts,
  podFacts,
} from './kubernetes-pod.ts';
import {
  TEMPLATE_LISTS,
  type TemplateFacts,
  type TemplateList,
  type TemplateObject,
  templateFacts,
} from './kubernetes-template.ts';

/* What Patchwave needs of the lists of a Kubernetes cluster, and how a function in the VPC of the cluster hands it over. */

/** The lists of a cluster. */
export const CLUSTER_LISTS = ['pods', 'nodes', 'replicasets', 'jobs', 'namespaces', ...TEMPLATE_LISTS] as const;
export type ClusterList = (typeof CLUSTER_LISTS)[number];

export interface FactsOf extends Readonly<Record<TemplateList, TemplateFacts>> {
  readonly pods: PodFacts;
  readonly nodes: NodeFacts;
  readonly replicasets: OwnedFacts;
  readonly jobs: OwnedFacts;
  readonly namespaces: NamespaceFacts;
}

/** A namespace with the value of its break-glass annotation, if it has one that is not longer than any that counts. */
export interface NamespaceFacts {
  readonly name: string;
  readonly breakGlass?: string;
}

/** An author of 200 characters and a reason of 1000, each of which JSON may write with six. */
const LONGEST_ANNOTATION = 8192;

function namespaceFacts(metadata: ObjectMetadata | undefined): NamespaceFacts | undefined {
  const { name } = metadata ?? {};
  if (typeof name !== 'string' || name === '') return undefined;
  const breakGlass = metadata?.annotations?.[BREAK_GLASS_ANNOTATION];
  const counts = typeof breakGlass === 'string' && breakGlass.length <= LONGEST_ANNOTATION;
  return { name: cutText(name, LONGEST.namespace), ...(counts && { breakGlass }) };
}

/** An object of a cluster, as its API returns it. */
export type ClusterObject = Pod & TemplateObject & { readonly metadata?: ObjectMetadata };

function byTemplateList<Value>(of: (list: TemplateList) => Value): Readonly<Record<TemplateList, Value>> {
  return Object.fromEntries(TEMPLATE_LISTS.map((list) => [list, of(list)])) as Record<TemplateList, Value>;
}

/** The facts of an object of each list; `undefined` if Patchwave needs none of it. */
export const FACTS: { readonly [List in ClusterList]: (object: ClusterObject) => FactsOf[List] | undefined } = {
  pods: podFacts,
  nodes: ({ metadata }) => nodeFacts(metadata),
  replicasets: ({ metadata }) => ownedFacts(metadata),
  jobs: ({ metadata }) => ownedFacts(metadata),
  ...byTemplateList((list) => (object: ClusterObject) => templateFacts(list, object)),
  namespaces: ({ metadata }) => namespaceFacts(metadata),
};

/** Names that Kubernetes accepts have no other characters. */
const name = (most: number) => v.pipe(v.string(), v.maxLength(most), v.regex(/^[a-z0-9.:-]*$/));
/** JSON may have half a character (`\ud83d`), which the ledger cannot keep. */
const textUpTo = (most: number) =>
  v.pipe(
    v.string(),
    v.maxLength(most),
    v.transform((text) => text.toWellFormed()),
  );
/** The length is checked before the first item is. */
const listUpTo = <Item>(most: number, item: v.GenericSchema<unknown, Item>) =>
  v.pipe(v.array(v.unknown()), v.maxLength(most), v.array(item));

const owner = {
  group: textUpTo(LONGEST.owner),
  kind: textUpTo(LONGEST.owner),
  name: textUpTo(LONGEST.owner),
};
const uid = textUpTo(LONGEST.uid);
const owned = v.object({
  uid,
  createdAtEpochMs: v.exactOptional(v.number()),
  owner: v.object(owner),
  ownerUid: v.exactOptional(uid),
  revision: v.exactOptional(v.number()),
});

/**
 * The most containers in the pods of one page: each may be an observation of its own, and those of a page are in memory at
 * once. Far more than the largest pod has that a cluster can store.
 */
const MOST_CONTAINERS = 25_000;

/** Whether a page must be asked for in smaller ones, because its pods have too many containers together. */
export const hasTooManyContainers = (facts: readonly FactsOf[ClusterList][]): boolean =>
  facts.reduce((sum, one) => sum + ('containers' in one ? one.containers.length : 0), 0) > MOST_CONTAINERS;

const containers = listUpTo(
  MOST_CONTAINERS,
  v.object({
    name: name(LONGEST.container),
    image: v.exactOptional(textUpTo(LONGEST.image)),
    digest: v.exactOptional(digest),
  }),
);

const template: v.GenericSchema<unknown, TemplateFacts> = v.object({
  namespace: name(LONGEST.namespace),
  name: name(LONGEST.name),
  owner: v.exactOptional(v.object(owner)),
  uid: v.exactOptional(uid),
  containers,
});

const SCHEMAS: { readonly [List in ClusterList]: v.GenericSchema<unknown, FactsOf[List]> } = {
  pods: v.object({
    namespace: name(LONGEST.namespace),
    name: name(LONGEST.name),
    createdAtEpochMs: v.exactOptional(v.number()),
    node: v.exactOptional(textUpTo(LONGEST.name)),
    owner: v.exactOptional(v.object({ ...owner, uid })),
    containers,
  }),
  nodes: v.object({ name: textUpTo(LONGEST.name), architecture: textUpTo(LONGEST.uid) }),
  replicasets: owned,
  jobs: owned,
  ...byTemplateList(() => template),
  namespaces: v.object({
    name: textUpTo(LONGEST.namespace),
    breakGlass: v.exactOptional(textUpTo(LONGEST_ANNOTATION)),
  }),
};

/** The most objects that one page may be asked to have. */
export const PAGE_SIZE = 500;
/** A token of Kubernetes names a namespace and an object. */
const token = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

/** What the hub asks of the function in the VPC of a cluster: one page of one list. */
export const clusterPageRequest = v.object({
  cluster: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'must be the name of an EKS cluster')),
  list: v.picklist(CLUSTER_LISTS),
  limit: v.pipe(v.integer(), v.minValue(1), v.maxValue(PAGE_SIZE)),
  token: v.exactOptional(token),
  /** Only the object with this name. */
  name: v.exactOptional(v.pipe(name(LONGEST.name), v.minLength(1))),
});
export type ClusterPageRequest = v.InferOutput<typeof clusterPageRequest>;

/** The names of errors of `shared/ports/cluster-errors.ts` that the function reports. */
const CLUSTER_FAILURES = [
  'ClusterAccessDeniedError',
  'ClusterCertificateError',
  'ClusterConnectionError',
  'ClusterEndpointPrivateError',
  'ClusterFailingError',
  'ClusterForbiddenError',
  'ClusterNotActiveError',
  'ClusterObjectTooLargeError',
  'ClusterUnauthorizedError',
  'ClusterUnfinishedError',
] as const;
export type ClusterFailure = (typeof CLUSTER_FAILURES)[number];
export const isClusterFailure = (name: string): name is ClusterFailure => CLUSTER_FAILURES.some((one) => one === name);

const LONGEST_PROBLEM = 1000;

/**
 * The answer of that function. To the hub it is input of another account: it names no account, Region or cluster, and all of
 * its texts and lists are bounded.
 * @param limit the most objects that were asked for
 */
export function clusterPageAnswer<List extends ClusterList>(list: List, limit: number) {
  const facts: v.GenericSchema<unknown, FactsOf[List]> = SCHEMAS[list];
  return v.variant('outcome', [
    v.object({
      outcome: v.literal('page'),
      facts: listUpTo(limit, facts),
      token: v.exactOptional(token),
      isExpired: v.boolean(),
    }),
    v.object({ outcome: v.literal('too-large') }),
    v.object({
      outcome: v.literal('failed'),
      error: v.picklist(CLUSTER_FAILURES),
      problem: textUpTo(LONGEST_PROBLEM),
    }),
  ]);
}

export type ClusterPageAnswer =
  | {
      readonly outcome: 'page';
      readonly facts: readonly FactsOf[ClusterList][];
      readonly token?: string;
      readonly isExpired: boolean;
    }
  | { readonly outcome: 'too-large' }
  | {
      readonly outcome: 'failed';
      readonly error: ClusterFailure;
      readonly problem: string;
    };

/** A failure of a cluster in an answer; a text that is too long is cut. The hub knows the next step. */
export const failedAnswer = (error: ClusterFailure, problem: string): ClusterPageAnswer => ({
  ...{ outcome: 'failed', error },
  problem: cutText(problem, LONGEST_PROBLEM),
});
