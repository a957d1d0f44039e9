import { PAGE_SIZE } from '../domain/image/cluster-facts.ts';
import type { DoorPlace } from '../domain/policy/doors.ts';
import { ClusterFailingError, READS } from '../ports/cluster-errors.ts';
import type { ClusterPages } from '../ports/cluster-pages.ts';
import type { NamespaceReads } from '../ports/namespaces.ts';
import { type EksAccess, findEksEndpoint } from './eks-connection.ts';
import type { FunctionsInVpcs } from './eks-workloads.ts';
import { KubernetesApi } from './kubernetes-api.ts';
import { KubernetesPages } from './kubernetes-pages.ts';

/** A cluster names each namespace once, so more pages than this are no answer. */
const MOST_PAGES = 3;

/**
 * Namespaces of Amazon EKS, read with the read role of the account, as reviews read pods. A cluster whose endpoint is private is
 * read by the function in its VPC, if there is one.
 */
export class EksNamespaces implements NamespaceReads {
  readonly #access: EksAccess;
  readonly #functions: FunctionsInVpcs | undefined;

  constructor(access: EksAccess, functions?: FunctionsInVpcs) {
    this.#access = access;
    this.#functions = functions;
  }

  async breakGlassOf({ namespace, ...cluster }: Required<DoorPlace>, signal: AbortSignal): Promise<string | undefined> {
    const endpoint = await findEksEndpoint(this.#access, cluster, READS, signal);
    if (!endpoint) return undefined;
    const { isPrivate, vpcId } = endpoint;
    const inVpc = isPrivate && vpcId !== undefined ? await this.#functions?.find(cluster, vpcId, signal) : undefined;
    const pages = inVpc ?? new KubernetesPages(new KubernetesApi(endpoint, this.#access.limits));
    try {
      return await annotationOf(pages, cluster, namespace);
    } finally {
      pages.close();
    }
  }
}

async function annotationOf(
  pages: ClusterPages,
  cluster: Omit<DoorPlace, 'namespace'>,
  name: string,
): Promise<string | undefined> {
  let token: string | undefined;
  for (let count = 0; count < MOST_PAGES; count += 1) {
    const page = await pages.page('namespaces', { limit: PAGE_SIZE, name, ...(token !== undefined && { token }) });
    if (page === 'too-large') throw new ClusterFailingError(cluster, 'its answer for one namespace is too large');
    // An empty answer of a list that expired is none.
    const found = page.isExpired ? undefined : page.facts.find((one) => one.name === name);
    if (found) return found.breakGlass;
    token = page.token;
    if (token === undefined && !page.isExpired) return undefined;
  }
  throw new ClusterFailingError(cluster, `its list of one namespace has more than ${MOST_PAGES} pages`);
}
