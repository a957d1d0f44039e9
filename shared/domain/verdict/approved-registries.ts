import type { ImageProperties } from '../image/image-properties.ts';
import { matchesAnyName } from '../image/name-pattern.ts';
import { repositoryName } from '../image/reference.ts';
import type { Policy } from '../policy/policy.ts';

/**
 * The places and references of an image that `approvedRegistries` does not allow; empty if the policy has no such list.
 * Images of AWS are exempt, because the policy names them already.
 */
export function unapprovedNames(
  { locations, references = [], tier }: Pick<ImageProperties, 'locations' | 'references' | 'tier'>,
  { approvedRegistries }: Pick<Policy, 'approvedRegistries'>,
): readonly string[] {
  if (!approvedRegistries || tier === 'aws-managed') return [];
  return [...locations.map(repositoryName), ...references].filter(
    (name) => !matchesAnyName(approvedRegistries.allow, name),
  );
}
