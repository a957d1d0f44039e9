import { type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import { isProtectingTag } from '../../shared/domain/retention/protecting-tag.ts';
import { streamRulesOf } from '../../shared/domain/stream/stream.ts';
import { type JudgedTag, judgeTags, tagProblemText } from '../../shared/domain/stream/tag-rules.ts';
import type { VerdictStatus } from '../../shared/domain/verdict/verdict.ts';
import type { CliContext } from '../command.ts';

export interface CheckedTag extends Omit<JudgedTag, 'problem'> {
  readonly status: Exclude<VerdictStatus, 'unknown'>;
  readonly problem?: JudgedTag['problem'];
  /** The problem in words, and the next step of a person. */
  readonly text?: string;
  readonly next?: string;
}

export interface TagsAnswer {
  readonly location: ImageLocation;
  readonly status: VerdictStatus;
  /** Every judged tag, by name. */
  readonly tags: readonly CheckedTag[];
  readonly policyVersion: string;
  /** Why nothing was judged. */
  readonly problem?: string;
}

/** Judges the tags that a repository has now by the policy in force. Reads only. */
export async function checkTags(
  { policies, tags }: Pick<CliContext, 'policies' | 'tags'>,
  location: ImageLocation,
): Promise<TagsAnswer> {
  const { policy, version } = await policies.current();
  const unknown = (problem: string): TagsAnswer => ({
    ...{ location, status: 'unknown', tags: [], policyVersion: version, problem },
  });
  const rules = streamRulesOf(policy, location);
  if (rules.length === 0)
    return unknown(
      `No rule in \`streams\` of the policy names ${locationKey(location)}, so it has no tier. Add a rule for the repository.`,
    );
  const { named, mutability } = await tags.all(location);
  const judged = judgeTags(policy, rules, new Map([...named].filter(([tag]) => !isProtectingTag(tag))));
  if (judged.length === 0)
    return unknown(
      `${locationKey(location)} has no tag that the policy judges. Push an image, or give its tier a scheme in \`tags\`.`,
    );
  const checked = judged.map(
    (one): CheckedTag => ({
      ...one,
      ...(one.problem
        ? { status: 'violating', ...tagProblemText(one.tag, one.problem, mutability) }
        : { status: 'compliant' }),
    }),
  );
  const status = checked.some((one) => one.status === 'violating') ? 'violating' : 'compliant';
  return { location, status, tags: checked, policyVersion: version };
}
