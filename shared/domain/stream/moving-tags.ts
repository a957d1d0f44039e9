import { type ImageLocation, locationKey } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import { parseStreamId, streamRulesOf } from './stream.ts';

/** `^22$`, `^bookworm-slim$`, `^1\.2$`: a head tag pattern that means one tag, also where its dot is left as it is. */
const ONE_TAG = /^\^((?:[\w.-]|\\[.-])+)\$$/;

/** The tags of a repository that each build of a release line takes over; an application may have no such tag. */
export function movingTags(policy: Policy, location: ImageLocation): (tag: string) => boolean {
  return oneOf(streamRulesOf(policy, location).flatMap(({ headTags }) => headTags));
}

/** The same by the streams that images of the repository are of, where there is no policy. */
export function movingTagsOfStreams(streams: readonly string[], location: ImageLocation): (tag: string) => boolean {
  const parsed = streams.map(parseStreamId).filter((stream) => locationKey(stream.location) === locationKey(location));
  return oneOf(parsed.map(({ headTag }) => headTag));
}

function oneOf(patterns: readonly string[]): (tag: string) => boolean {
  const tags = new Set(patterns.flatMap((pattern) => ONE_TAG.exec(pattern)?.[1]?.replaceAll('\\', '') ?? []));
  return (tag) => tags.has(tag);
}
