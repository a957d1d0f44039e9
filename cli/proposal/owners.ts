import type { Conclusion, RepositoryFact } from './facts.ts';

/** Tag keys that name an owner, compared without case and punctuation. */
const KEYS: readonly string[] = ['owner', 'team', 'owningteam', 'ownerteam', 'squad'];
const MOST_CHARACTERS = 128;

const plain = (key: string): string =>
  key
    .toLowerCase()
    .replaceAll(/^.*[:/]/g, '')
    .replaceAll(/[^a-z]/g, '');

/** Who owns a repository, by its resource tags. */
export function ownerOf({ resourceTags }: RepositoryFact): Conclusion<string> {
  if (resourceTags === undefined) return { reason: 'the tags of the repository could not be read' };
  const given = Object.entries(resourceTags).filter(
    ([key, value]) => KEYS.includes(plain(key)) && value.trim() !== '' && value.length <= MOST_CHARACTERS,
  );
  const [first, ...others] = given;
  if (!first) return { reason: 'no tag of the repository names an owner' };
  if (others.some(([, value]) => value !== first[1]))
    return {
      reason: `tags of the repository name several owners: ${given.map(([key, value]) => `${key}=${value}`).join(', ')}`,
    };
  return { value: first[1], certainty: 'certain', evidence: `tag ${first[0]} of the repository` };
}
