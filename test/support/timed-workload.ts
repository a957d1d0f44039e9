import { ApiError } from '../../local/kubernetes/api-error.ts';
import { storeApi } from '../../local/kubernetes/cluster-server.ts';
import { reconcile } from '../../local/kubernetes/controllers.ts';
import { ObjectStore } from '../../local/kubernetes/object-store.ts';
import { type ApiResource, type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { patched } from '../../local/kubernetes/patch.ts';
import type { PodTemplate } from '../../local/kubernetes/pod-template.ts';
import {
  type Collection,
  type ObjectPath,
  WriteUnknownError,
  type Written,
} from '../../shared/adapters/kubernetes-api.ts';
import type { KubernetesService } from '../../shared/domain/image/workload-kind.ts';
import type { KubernetesWorkload } from '../../shared/domain/rollout/kubernetes-workload.ts';
import type { Clock } from '../../shared/ports/clock.ts';

const KINDS: Readonly<Record<KubernetesService['kind'], ApiResource>> = {
  Deployment: RESOURCES.deployments,
  StatefulSet: RESOURCES.statefulSets,
  DaemonSet: RESOURCES.daemonSets,
};
const LISTED: Readonly<Record<string, ApiResource>> = {
  replicasets: RESOURCES.replicaSets,
  controllerrevisions: RESOURCES.controllerRevisions,
};

/** One workload in the embedded cluster, whose controllers and pods follow the clock of a test. */
export class TimedWorkload {
  readonly #clock: Clock;
  readonly #resource: ApiResource;
  readonly #namespace: string;
  readonly #name: string;
  readonly #store: ObjectStore;
  readonly #api: ReturnType<typeof storeApi>;
  #nowEpochMs: number;
  /** No new pod can pull its image. */
  isBroken = false;
  /** The next patch is carried out, and its answer arrives or is lost; or all fail; or a webhook drops all of them. */
  next: 'answered' | 'lost' | 'fails' | 'dropped' = 'answered';
  /** Patches that changed the workload. */
  patches = 0;

  constructor(clock: Clock, { kind, namespace, name }: KubernetesService) {
    this.#clock = clock;
    this.#nowEpochMs = clock();
    this.#store = new ObjectStore(() => this.#nowEpochMs);
    this.#api = storeApi(this.#store);
    [this.#resource, this.#namespace, this.#name] = [KINDS[kind], namespace, name];
  }

  async create(template: PodTemplate, spec: object, nodes: number): Promise<void> {
    for (let node = 0; node < nodes; node += 1)
      await this.#api.create(RESOURCES.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${node}` } });
    const selector = { matchLabels: template.metadata?.labels };
    await this.#api.create(this.#resource, {
      ...{ apiVersion: 'apps/v1', kind: this.#resource.kind },
      metadata: { name: this.#name, namespace: this.#namespace },
      spec: { selector, template, ...spec },
    });
    await this.#catchUp();
  }

  /** Somebody changes the `spec`; nothing if the workload is gone. */
  async change(spec: object): Promise<void> {
    await this.#catchUp();
    const present = await this.#present();
    if (present) await this.#api.patch(this.#resource, present, { spec });
  }

  /** Somebody brings a template back. */
  async undo(template: PodTemplate): Promise<void> {
    await this.#catchUp();
    const present = await this.#present();
    if (present) this.#store.replace(this.#resource, { ...present, spec: { ...present.spec, template } });
  }

  async remove(): Promise<void> {
    await this.#catchUp();
    const present = await this.#present();
    if (!present) return;
    await this.#api.remove(this.#resource, present);
    await reconcile(this.#cluster, present);
  }

  async pods(): Promise<readonly KubernetesObject[]> {
    await this.#catchUp();
    return this.#store.all(RESOURCES.pods, this.#namespace);
  }

  /** As `KubernetesApi` reads and changes it. */
  readonly client = {
    get: async <Item>({ path }: ObjectPath): Promise<Item | undefined> => {
      await this.#catchUp();
      return path.endsWith(`/${this.#resource.name}/${this.#name}`) ? ((await this.#present()) as Item) : undefined;
    },
    list: <Item>(collection: Collection) => this.#list<Item>(collection),
    patch: async <Item>(_: ObjectPath, operations: readonly object[]): Promise<Written<Item>> => {
      if (this.next === 'fails') throw new WriteUnknownError('status 500: failed calling webhook "x"');
      const present = await this.#present();
      if (!present) return { refused: 404, message: 'not found' };
      if (this.next === 'dropped') return { object: present as Item };
      try {
        const object = patched(present, operations, 'application/json-patch+json') as KubernetesObject;
        const changed = this.#store.replace(this.#resource, object);
        this.patches += 1;
        if (this.next === 'lost') throw new WriteUnknownError('no answer within 15 s');
        return { object: changed as Item };
      } catch (error) {
        if (error instanceof ApiError) return { refused: error.code, message: error.message };
        throw error;
      } finally {
        if (this.next === 'lost') this.next = 'answered';
      }
    },
    close: () => undefined,
  };

  async *#list<Item>({ resource }: Collection) {
    const listed = LISTED[resource];
    if (!listed) throw new RangeError(`no list of ${resource}`);
    yield this.#store.all(listed, this.#namespace) as unknown as readonly Item[];
    return { isTorn: false };
  }

  get template(): Promise<PodTemplate | undefined> {
    return this.#present().then(
      (present) => (present as KubernetesWorkload | undefined)?.spec?.template as PodTemplate,
    );
  }

  #present = (): Promise<KubernetesObject | undefined> => this.#api.get(this.#resource, this.#namespace, this.#name);

  get #cluster() {
    return {
      api: this.#api,
      startMs: 5_000,
      nowEpochMs: () => this.#nowEpochMs,
      runtime: { pull: async (image: string) => (this.isBroken ? undefined : `${image}@sha256:0`) },
    };
  }

  /** The controllers do what they have to, up to the instant of the clock. */
  async #catchUp(): Promise<void> {
    for (const untilEpochMs = this.#clock(); ; ) {
      const present = await this.#present();
      const waitMs = present && (await reconcile(this.#cluster, present));
      if (waitMs === undefined || this.#nowEpochMs + waitMs > untilEpochMs) break;
      this.#nowEpochMs += Math.max(1, waitMs);
    }
    this.#nowEpochMs = this.#clock();
  }
}
