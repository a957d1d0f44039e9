import { locationKey } from '../shared/domain/image/image.ts';
import { readImageReference } from '../shared/domain/image/reference.ts';

/**
 * A reference to an ECR registry as `ACCOUNT/REGION/REPOSITORY:TAG`, which every command accepts; any other name as it
 * is.
 */
export function shortName(name: string): string {
  const { location, tag } = readImageReference(name) ?? {};
  if (!location) return name;
  const isTagged = tag !== undefined && name.endsWith(`:${tag}`);
  return `${locationKey(location)}${isTagged ? `:${tag}` : ''}`;
}
