import type { ImageLocation } from '../domain/image/image.ts';
import type { StoredImage } from '../domain/retention/lifecycle.ts';

/** The lifecycle policy of a repository as its registry keeps it. */
export type LifecycleText =
  | { readonly found: 'no-repository' }
  | { readonly found: 'no-policy' }
  | { readonly found: 'policy'; readonly text: string };

/**
 * What repositories keep and throw away, read with the role of the registry's own account.
 * @throws RegistryUnreachableError where the account's role cannot be taken or the registry refuses.
 */
export interface Lifecycles {
  policyOf(location: ImageLocation): Promise<LifecycleText>;
  /**
   * All that rules can select, page by page: archived images too, and what refers to images. None where there is no such
   * repository.
   */
  stored(location: ImageLocation): AsyncIterable<readonly StoredImage[]>;
}
