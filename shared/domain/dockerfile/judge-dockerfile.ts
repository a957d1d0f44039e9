import { matchesAnyName } from '../image/name-pattern.ts';
import { type ImageReference, ImageReferenceError, parseImageReference, referenceName } from '../image/reference.ts';
import { CANDIDATE, matchesHeadTag } from '../policy/head-tag.ts';
import type { Policy } from '../policy/policy.ts';
import { movingTagsOf } from '../stream/moving-tags.ts';
import { streamRulesOf } from '../stream/stream.ts';
import { classify } from '../stream/tier.ts';
import { type BuildParent, buildParentsOf } from './build-parents.ts';
import { DockerfileError } from './dockerfile-error.ts';

/** What is wrong with a line of a Dockerfile, or why it cannot be judged. */
export interface DockerfileFinding {
  readonly line: number;
  /** One of `LINT_RULES`, or the id of `approvedRegistries` of the policy. */
  readonly ruleId: string;
  readonly state: 'violating' | 'unknown';
  readonly text: string;
  readonly fix: string;
}

type Judgement = Omit<DockerfileFinding, 'line'>;

/** The rules by id, each as what holds for a line that follows it. */
export const LINT_RULES = {
  'our-registries': 'The parent is in a registry of ours. `approvedRegistries` of the policy replaces this rule.',
  'no-digest-pin': 'The parent is not pinned to a digest, so a rebuild gets its newest image.',
  'no-latest': 'The parent has a tag, and it is not `latest` unless that is a head tag of the policy.',
  'moving-tag': 'Builds of the parent move its tag, so a rebuild gets its newest image.',
  'known-stage': 'Where an instruction names a stage, it is another stage of the file.',
  'parent-known': 'File and policy say which image the line names, and whether builds move its tag.',
} as const;

/** Every line of a Dockerfile that keeps a rebuild from getting a newer parent, in the order of the file. */
export function judgeDockerfile(text: string, policy: Policy): readonly DockerfileFinding[] {
  try {
    return buildParentsOf(text).flatMap((parent) =>
      judgeParent(parent, policy).map((judgement) => ({ line: parent.line, ...judgement })),
    );
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    const { line, message } = error;
    return [
      { line, ...unknownParent(`The file cannot be read: ${message}.`, 'Correct the file, and check it again.') },
    ];
  }
}

export const unknownParent = (text: string, fix: string): Judgement => ({
  ...{ ruleId: 'parent-known', state: 'unknown' },
  ...{ text, fix },
});

const violating = (ruleId: keyof typeof LINT_RULES, text: string, fix: string): Judgement => ({
  ...{ ruleId, state: 'violating' },
  ...{ text, fix },
});

const NAME_IT = 'Name the image in the file itself, or give each ARG in its name a default.';

function judgeParent(parent: BuildParent, policy: Policy): readonly Judgement[] {
  const { by } = parent;
  switch (parent.kind) {
    case 'unknown':
      return [unknownParent(`${by} is not judged: ${parent.problem}.`, NAME_IT)];
    case 'unknown-stage': {
      const text = `${by} names "${parent.name}", which is no other stage of the file.`;
      return [
        violating('known-stage', text, 'Name a stage of the file. For an image, write its registry and its tag.'),
      ];
    }
    case 'image':
      return judgeImage(by, parent.reference, policy);
  }
}

function judgeImage(by: BuildParent['by'], text: string, policy: Policy): readonly Judgement[] {
  try {
    const reference = parseImageReference(text);
    const named = `${by} names "${text}"`;
    return [...judgeRegistry(named, text, reference, policy), ...judgeTag(named, reference, policy)];
  } catch (error) {
    if (!(error instanceof ImageReferenceError)) throw error;
    return [unknownParent(`${by} is not judged: ${error.message}`, 'Write a valid reference.')];
  }
}

/** Images of AWS are exempt, because the policy names them already. */
function judgeRegistry(named: string, text: string, reference: ImageReference, policy: Policy): readonly Judgement[] {
  const { tier } = classify(policy, { reference: text });
  const { approvedRegistries: approved } = policy;
  const isApproved = approved ? matchesAnyName(approved.allow, referenceName(reference)) : tier !== 'external';
  if (isApproved || tier === 'aws-managed') return [];
  const fix = 'Use an image of an approved registry, or add it to `approvedRegistries` of the policy.';
  const found = violating('our-registries', `${named}, which is in no registry that the policy approves.`, fix);
  return [approved ? { ...found, ruleId: approved.id } : found];
}

const RELEASE_LINE = 'Use the tag of a release line, such as 22 or 3.20.';
const NEEDS_HEAD_TAG =
  'Have builds of the parent move a tag, and make it a head tag of its own in the policy, such as ^22$.';

function judgeTag(named: string, { tag = '', digest, location }: ImageReference, policy: Policy): readonly Judgement[] {
  if (digest !== undefined) {
    const fix = 'Name a tag that builds of the parent move, and no digest.';
    return [violating('no-digest-pin', `${named} by its digest, which no rebuild moves.`, fix)];
  }
  const rules = location ? streamRulesOf(policy, location) : [];
  const moving = location ? movingTagsOf(policy, location) : new Set<string>();
  if (moving.has(tag)) return [];
  const useMoving = moving.size > 0 ? `Use the tag ${[...moving].join(' or ')}.` : undefined;
  if (tag === 'latest') {
    const text = `${named}: latest may become another release line at any time.`;
    return [violating('no-latest', text, useMoving ?? RELEASE_LINE)];
  }
  if (rules.length === 0) {
    const text = `${named}: "${tag}" has the form of a tag that only one build has.`;
    return isFixed(tag) ? [violating('moving-tag', text, RELEASE_LINE)] : [];
  }
  const headTag = rules.flatMap(({ headTags }) => headTags).find((pattern) => matchesHeadTag(pattern, tag));
  const isCandidate = tag.endsWith(CANDIDATE) && rules.some(({ promotes }) => promotes);
  if (headTag !== undefined && !isCandidate) {
    const text = `${named}: the head tag ${headTag} means several tags, so it is not known whether builds move "${tag}".`;
    return [unknownParent(text, useMoving ?? NEEDS_HEAD_TAG)];
  }
  const text = `${named}: no head tag of the policy means "${tag}", so no rebuild of the parent moves it.`;
  return [violating('moving-tag', text, useMoving ?? NEEDS_HEAD_TAG)];
}

/** Tags by which publishers name one build: a full version, a day, a commit, the number of a build. */
const FIXED = [/^v?\d+\.\d+\.\d+/, /(?:^|[._-])20\d{6}(?:[._-]|$)/, /^(?=.*\d)[0-9a-f]{7,40}$/];
const isFixed = (tag: string): boolean => FIXED.some((form) => form.test(tag));
