/** The container runtime of the nodes: which digest a reference stands for when a container starts. */

import { createHash } from 'node:crypto';
import { RegistryClient, RegistryError } from '../builds/registry.ts';

export interface ImageRuntime {
  /**
   * The `imageID` of a container that starts now, as containerd reports it: the repository and the digest that the
   * reference stands for, which for an index is the digest of the index. `undefined` if the image cannot be pulled.
   */
  pull(reference: string): Promise<string | undefined>;
}

const ECR =
  /^(?<account>\d{12})\.dkr\.ecr\.(?<region>[a-z0-9-]+)\.amazonaws\.com\/(?<repository>[^:@]+)(?::(?<tag>[^@]+))?$/;

/** Pulls from the registries of the embedded cloud. An image of any other registry exists, with a digest of its own. */
export function runtimeOf(endpoint: string): ImageRuntime {
  const registry = new RegistryClient(endpoint);
  return {
    async pull(reference) {
      const [name = '', digest] = reference.split('@');
      const repository = name.replace(/:[^/]*$/, '');
      const { account, region, repository: path, tag = 'latest' } = ECR.exec(name)?.groups ?? {};
      if (account === undefined || region === undefined || path === undefined) {
        return `${repository}@${digest ?? `sha256:${createHash('sha256').update(reference).digest('hex')}`}`;
      }
      try {
        const manifest = await registry.pullManifest({ account, region, repository: path }, digest ?? tag);
        return `${repository}@${manifest.digest}`;
      } catch (error) {
        if (error instanceof RegistryError) return undefined;
        throw error;
      }
    },
  };
}
