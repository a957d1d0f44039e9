import { patched } from '../../../local/kubernetes/patch.ts';
import { checkUnchanged, deployedBy, stateOf } from '../../../shared/adapters/eks-service.ts';
import { type KubernetesService, kubernetesService } from '../../../shared/domain/image/workload-kind.ts';
import {
  changedBy,
  imagePatch,
  type JsonPatchOperation,
  type KubernetesRevision,
  type KubernetesWorkload,
  restartPatch,
  templateId,
  templateImages,
} from '../../../shared/domain/rollout/kubernetes-workload.ts';
import {
  DeployerUnreachableError,
  DeploymentRefusedError,
  ServiceGoneError,
} from '../../../shared/ports/acting-errors.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { ClusterUnauthorizedError, DEPLOYS } from '../../../shared/ports/cluster-errors.ts';
import type { DecidedOn, Deployer, ServiceRef, ServiceState } from '../../../shared/ports/rollouts.ts';
import type { StartedDeployment } from './deployer.ts';

type Template = NonNullable<NonNullable<KubernetesWorkload['spec']>['template']>;

/** Workloads of EKS clusters in memory, with a controller that does what a test says. */
export class FakeEksDeployer implements Deployer {
  readonly #clock: Clock;
  readonly #workloads = new Map<string, KubernetesWorkload>();
  /** The templates of each workload, oldest first. */
  readonly #revisions = new Map<string, readonly KubernetesRevision[]>();
  readonly #denied = new Set<string>();
  /** What happens once, after the next change was decided and before the cluster is asked for it. */
  meanwhile: () => void = () => {};
  /** The change is made, and its answer is lost: what the caller sees once. */
  lost: ((service: ServiceRef) => Error) | undefined;
  /** No change is made, and this is what the caller sees each time. */
  fails: ((service: ServiceRef) => Error) | undefined;
  /** A mutating admission webhook: what it makes of each changed workload. */
  webhook: (patched: KubernetesWorkload, before: KubernetesWorkload) => KubernetesWorkload = (patched) => patched;
  /** Is called at the instant that a change is made, with what it deploys. */
  onStart: (started: StartedDeployment) => void = () => {};
  /** Every change that was made, in order. */
  readonly changed: { readonly service: ServiceRef; readonly operations: readonly JsonPatchOperation[] }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A workload whose pods all run. */
  create(ref: ServiceRef, workload: KubernetesWorkload): this {
    const { namespace, name } = serviceOf(ref);
    const metadata = { ...workload.metadata, namespace, name, uid: `uid-of-${name}`, generation: 1 };
    this.#set(ref, { ...workload, metadata });
    return this.settle(ref);
  }

  remove(ref: ServiceRef): this {
    this.#workloads.delete(keyOf(ref));
    this.#revisions.delete(keyOf(ref));
    return this;
  }

  /** From now on the cluster does not accept the rollout role. */
  deny(ref: ServiceRef): this {
    this.#denied.add(clusterOf(ref));
    return this;
  }

  workload(ref: ServiceRef): KubernetesWorkload {
    const workload = this.#workloads.get(keyOf(ref));
    if (workload) return workload;
    const { kind, namespace, name } = serviceOf(ref);
    throw new ServiceGoneError(ref, `the cluster has no ${kind} ${namespace}/${name}`);
  }

  /** Somebody changes the `spec`. */
  edit(ref: ServiceRef, change: (spec: NonNullable<KubernetesWorkload['spec']>) => KubernetesWorkload['spec']): this {
    const { spec = {}, metadata = {}, ...others } = this.workload(ref);
    const generation = (metadata.generation ?? 0) + 1;
    this.#set(ref, { ...others, metadata: { ...metadata, generation }, spec: change(spec) ?? {} });
    return this;
  }

  /** Somebody changes the pod template. */
  deployByHand(ref: ServiceRef, template: (before: Template) => Template): this {
    return this.edit(ref, (spec) => ({ ...spec, template: template(spec.template ?? {}) }));
  }

  /** The controller replaced every pod. */
  settle(ref: ServiceRef): this {
    const { spec: { replicas = 1 } = {}, metadata: { generation = 1 } = {} } = this.workload(ref);
    return this.report(ref, {
      ...{ observedGeneration: generation, replicas, updatedReplicas: replicas, availableReplicas: replicas },
      ...{ readyReplicas: replicas, desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1 },
      conditions: [],
    });
  }

  /** The controller has seen the present template, and says this. */
  report(ref: ServiceRef, status: NonNullable<KubernetesWorkload['status']>): this {
    const workload = this.workload(ref);
    const observedGeneration = workload.metadata?.generation ?? 1;
    this.#workloads.set(keyOf(ref), { ...workload, status: { ...workload.status, observedGeneration, ...status } });
    return this;
  }

  /** As with a `revisionHistoryLimit` of 0: only the present template is kept. */
  forgetEarlier(ref: ServiceRef): this {
    this.#revisions.set(keyOf(ref), (this.#revisions.get(keyOf(ref)) ?? []).slice(-1));
    return this;
  }

  async describe(ref: ServiceRef): Promise<ServiceState> {
    this.#allow(ref);
    return this.#stateOf(ref);
  }

  async restart(ref: ServiceRef, decidedOn: DecidedOn, cascadeId: string): Promise<string> {
    return this.#change(ref, decidedOn, cascadeId, (workload) =>
      changedBy(workload) === cascadeId ? [] : restartPatch(workload, cascadeId),
    );
  }

  async register(
    ref: ServiceRef,
    images: ReadonlyMap<string, string>,
    decidedOn: DecidedOn,
    cascadeId: string,
  ): Promise<string> {
    return this.#change(ref, decidedOn, cascadeId, (workload) => {
      const strange = [...images.keys()].find((name) => !templateImages(workload).some((one) => one.name === name));
      if (strange !== undefined) throw new DeploymentRefusedError(ref, `its pod template has no container ${strange}`);
      return imagePatch(workload, images, cascadeId);
    });
  }

  async putBack(ref: ServiceRef): Promise<string> {
    throw new DeploymentRefusedError(ref, 'a change of a workload never replaces another one unseen');
  }

  #change(
    ref: ServiceRef,
    decidedOn: DecidedOn,
    cascadeId: string,
    operationsFor: (workload: KubernetesWorkload) => readonly JsonPatchOperation[],
  ): string {
    this.#allow(ref);
    const happens = this.meanwhile;
    this.meanwhile = () => {};
    happens();
    const workload = this.workload(ref);
    const operations = operationsFor(workload);
    const present = templateId(workload);
    const isOurs = operations.length === 0 && changedBy(workload) === cascadeId;
    if (!isOurs) checkUnchanged(ref, decidedOn, present);
    if (operations.length === 0) return present;
    if (this.fails) throw this.fails(ref);
    const document = JSON.parse(JSON.stringify(workload));
    const asked = patched(document, operations, 'application/json-patch+json') as KubernetesWorkload;
    const next = this.webhook(asked, workload);
    if (templateId(next) !== present) {
      const generation = (workload.metadata?.generation ?? 0) + 1;
      this.#set(ref, { ...next, metadata: { ...next.metadata, generation } });
      this.changed.push({ service: ref, operations });
      const { taskDefinition, containers } = this.#stateOf(ref);
      this.onStart({ service: ref, deploymentId: templateId(next), taskDefinition, containers });
    }
    const { lost } = this;
    this.lost = undefined;
    if (lost) throw lost(ref);
    return deployedBy(ref, present, next, operationsFor(next));
  }

  #stateOf(ref: ServiceRef): ServiceState {
    const revisions = this.#revisions.get(keyOf(ref)) ?? [];
    return structuredClone(stateOf(serviceOf(ref).kind, this.workload(ref), revisions, this.#clock()));
  }

  #set(ref: ServiceRef, workload: KubernetesWorkload): void {
    const { kind } = serviceOf(ref);
    const { template = {} } = workload.spec ?? {};
    const revisions = this.#revisions.get(keyOf(ref)) ?? [];
    const same = revisions.find(
      ({ spec }) => templateId({ spec: { template: spec?.template ?? {} } }) === templateId(workload),
    );
    const ownerReferences = [{ kind, name: 'owner', uid: workload.metadata?.uid ?? '', controller: true }];
    const creationTimestamp = same?.metadata?.creationTimestamp ?? new Date(this.#clock()).toISOString();
    const revision = 1 + Math.max(0, ...revisions.map((one) => one.revision ?? 0));
    const newest = { metadata: { creationTimestamp, ownerReferences }, spec: { template }, revision };
    this.#revisions.set(keyOf(ref), [...revisions.filter((one) => one !== same), newest]);
    this.#workloads.set(keyOf(ref), workload);
  }

  #allow(ref: ServiceRef): void {
    if (!this.#denied.has(clusterOf(ref))) return;
    throw new DeployerUnreachableError(ref, new ClusterUnauthorizedError(ref, DEPLOYS));
  }
}

const clusterOf = ({ account, region, cluster }: ServiceRef): string => `${account}/${region}/${cluster}`;
const keyOf = (ref: ServiceRef): string => `${clusterOf(ref)}/${ref.service}`;

function serviceOf(ref: ServiceRef): KubernetesService {
  const service = kubernetesService(ref.service);
  if (service) return service;
  throw new ServiceGoneError(ref, 'its name is not that of a Kubernetes workload');
}
