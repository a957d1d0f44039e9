import type { Policy } from '../../shared/domain/policy/policy.ts';
import { parseStreamId, streamsAt } from '../../shared/domain/stream/stream.ts';
import type { Fleet } from '../fleet/schema.ts';

/** What a fleet names. */
export interface Named {
  readonly repositories: readonly { readonly name: string }[];
  readonly workloads: readonly { readonly name: string }[];
  readonly kubernetesWorkloads?: readonly Pick<Fleet['kubernetesWorkloads'][number], 'namespace' | 'name'>[];
}

/** Short names of streams and services, unique in the fleet. */
export interface Names {
  /** `apps/shop`; with its place and release line only if the name is not unique in the fleet. */
  readonly stream: (id: string) => string;
  /** `apps/shop` or `platform/node:22`, for a sentence: two accounts may have one of that name. */
  readonly brief: (id: string) => string;
  /** The image reference of a task, without registry and digest. */
  readonly reference: (text: string) => string;
  /** The service in `<account>/<Region>/<cluster>/<service>`; of Kubernetes with its namespace: `shop/web`. */
  readonly service: (key: string) => string;
}

const ECR_HOST = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[^/]+\/([^:@]+)/;

export function namesIn({ repositories, workloads, kubernetesWorkloads = [] }: Named, policy: Policy): Names {
  const isOnly = (items: readonly { readonly name: string }[], name: string): boolean =>
    items.filter((item) => item.name === name).length === 1;
  const place = (account: string, region: string, repository: string): string =>
    isOnly(repositories, repository) ? repository : `${account}/${region}/${repository}`;
  const linesIn = (id: string): number => streamsAt(policy, parseStreamId(id).location).length;
  return {
    brief: (id) => {
      const { location, name } = parseStreamId(id);
      const [, tag] = /^\^([\w.-]+)\$$/.exec(name) ?? [];
      return linesIn(id) > 1 && tag !== undefined ? `${location.repository}:${tag}` : location.repository;
    },
    stream: (id) => {
      const { location, name } = parseStreamId(id);
      const repository = place(location.account, location.region, location.repository);
      return linesIn(id) > 1 ? `${repository}:${name}` : repository;
    },
    reference: (text) =>
      text
        .replace(ECR_HOST, (_, account: string, region: string, name: string) => place(account, region, name))
        .replace(/@sha256:.*/, ''),
    service: (key) => {
      const inCluster = kubernetesNameIn(key);
      if (inCluster !== undefined) {
        const namespaced = kubernetesWorkloads.map(({ namespace, name }) => ({ name: `${namespace}/${name}` }));
        return isOnly(namespaced, inCluster) ? inCluster : key;
      }
      const name = key.split('/').at(-1) ?? key;
      return isOnly(workloads, name) ? name : key;
    },
  };
}

/** `<namespace>/<name>` of a Kubernetes workload; `undefined` for a service of ECS. */
export const kubernetesNameIn = (key: string): string | undefined => /^(?:[^/]+\/){3}eks-[a-z]+:(.+)$/.exec(key)?.[1];

/** The width of the longest name. */
export const widest = (names: readonly string[]): number => Math.max(0, ...names.map(({ length }) => length));
