import type { ImageLocation } from '../domain/image/image.ts';
import type { ListedArtifact } from '../domain/retention/lifecycle-forecast.ts';

/** The lifecycle policy of a repository, from its registry. */
export type LifecycleText =
  | { readonly found: 'no-repository' }
  | { readonly found: 'no-policy' }
  | { readonly found: 'policy'; readonly text: string };

/**
 * Lifecycle policies and artifacts of repositories, read with the role of the registry's own account.
 * @throws RegistryUnreachableError if the role cannot be assumed or the registry refuses
 */
export interface Lifecycles {
  policyOf(location: ImageLocation): Promise<LifecycleText>;
  /**
   * Everything that rules can select, page by page: includes archived images and referrers. Empty if there is no such
   * repository.
   */
  artifacts(location: ImageLocation): AsyncIterable<readonly ListedArtifact[]>;
}
