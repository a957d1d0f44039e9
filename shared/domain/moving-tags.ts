import type { ImageLocation } from './image.ts';
import type { Policy } from './policy.ts';
import { streamRulesOf } from './stream.ts';

/** `^22$`, `^bookworm-slim$`, `^1\.2$`: a head tag pattern that means one tag, also where its dot is left as it is. */
const ONE_TAG = /^\^((?:[\w.-]|\\[.-])+)\$$/;

/** The tags of a repository that each build of a release line takes over; an application may have no such tag. */
export function movingTags(policy: Policy, location: ImageLocation): (tag: string) => boolean {
  const tags = new Set(
    streamRulesOf(policy, location)
      .flatMap(({ headTags }) => headTags)
      .flatMap((pattern) => ONE_TAG.exec(pattern)?.[1]?.replaceAll('\\', '') ?? []),
  );
  return (tag) => tags.has(tag);
}
