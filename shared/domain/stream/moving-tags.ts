import { type ImageLocation, locationKey } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import { parseStreamId, streamRulesOf } from './stream.ts';

/** `^22$`, `^bookworm-slim$`, `^1\.2$`: a head tag pattern that names a single tag, even with an unescaped dot. */
const ONE_TAG = /^\^((?:[\w.-]|\\[.-])+)\$$/;

/** The tags of a repository that every build of a release line moves; an application may have none. */
export function movingTags(policy: Policy, location: ImageLocation): (tag: string) => boolean {
  const tags = movingTagsOf(policy, location);
  return (tag) => tags.has(tag);
}

/** The same as a list. */
export const movingTagsOf = (policy: Policy, location: ImageLocation): ReadonlySet<string> =>
  single(streamRulesOf(policy, location).flatMap(({ headTags }) => headTags));

/** The same without a policy, from the streams of the repository's images: most are called as their pattern. */
export function movingTagsOfStreams(streams: readonly string[], location: ImageLocation): (tag: string) => boolean {
  const parsed = streams.map(parseStreamId).filter((stream) => locationKey(stream.location) === locationKey(location));
  const tags = single(parsed.map(({ name }) => name));
  return (tag) => tags.has(tag);
}

const single = (patterns: readonly string[]): ReadonlySet<string> =>
  new Set(patterns.flatMap((pattern) => ONE_TAG.exec(pattern)?.[1]?.replaceAll('\\', '') ?? []));
