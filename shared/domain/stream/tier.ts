import { matchesAnyGlob, matchesGlob } from '../common/glob.ts';
import type { ImageLocation, Tier } from '../image/image.ts';
import { matchesAnyName } from '../image/name-pattern.ts';
import { type ImageReference, readImageReference, referenceName, resolvedTag } from '../image/reference.ts';
import { accountsNamedBy } from '../policy/our-accounts.ts';
import type { Policy, StreamRule } from '../policy/policy.ts';
import { makingLineOf, streamId, streamRulesOf } from './stream.ts';

/** The known origin of an image; at least one field must be present. */
export interface ImageSource {
  /** The image's place in ECR. */
  readonly location?: ImageLocation;
  /** The reference in a task. */
  readonly reference?: string;
  /** The container that runs it. */
  readonly container?: string;
  /** All tags of the image there; absent if unknown. */
  readonly tags?: readonly string[];
}

export interface Classification {
  readonly tier: Tier;
  readonly stream?: string;
  /** Id of the stream rule that decided. */
  readonly rule?: string;
  readonly owner?: string;
}

/** Containers that AWS adds to a task without naming an image: runtime monitoring and Service Connect. */
export const AWS_SIDECARS = ['aws-guardduty-agent*', 'ecs-service-connect*'];

/** Tier, stream and owner of an image, from the policy alone: no label or tag can change them. */
export function classify(policy: Policy, origin: ImageSource): Classification {
  const reference = readImageReference(origin.reference);
  const location = origin.location ?? reference?.location;
  if (isAwsManaged(policy, origin, reference, location)) return { tier: 'aws-managed' };
  if (!location) return { tier: 'external' };
  const rules = streamRulesOf(policy, location);
  const [first] = rules;
  if (first) return classifyByRules(rules, first, location, origin.tags ?? tagsOf(reference));
  if (isMirror(policy, location)) return { tier: 'mirrored' };
  return { tier: isOurs(policy, location) ? 'unmanaged' : 'external' };
}

/** Only a reference by tag shows which tag the image has. */
function tagsOf(reference: ImageReference | undefined): string[] | undefined {
  const tag = reference && resolvedTag(reference);
  return tag === undefined ? undefined : [tag];
}

/** Whether the policy names a reference as one of AWS. */
export const isOfAws = (policy: Pick<Policy, 'awsManaged'>, reference: ImageReference): boolean =>
  isAwsManaged(policy, {}, reference, reference.location);

/**
 * A container's name counts only if neither image nor place is known. Otherwise any team could pass its image off as
 * one of AWS.
 */
function isAwsManaged(
  { awsManaged }: Pick<Policy, 'awsManaged'>,
  { container, reference: text }: ImageSource,
  reference: ImageReference | undefined,
  location: ImageLocation | undefined,
): boolean {
  if (location && awsManaged.accounts.includes(location.account)) return true;
  if (reference) return matchesAnyName(awsManaged.references, referenceName(reference));
  return !location && text === undefined && container !== undefined && isAwsSidecar({ name: container });
}

/** Whether AWS itself added the container to its task. A container of a team always names an image. */
export const isAwsSidecar = ({ name, image }: { readonly name: string; readonly image?: string }): boolean =>
  image === undefined && matchesAnyGlob(AWS_SIDECARS, name);

function classifyByRules(
  rules: readonly StreamRule[],
  first: StreamRule,
  location: ImageLocation,
  tags: readonly string[] | undefined,
): Classification {
  const line = makingLineOf(rules, tags);
  const { tier, id, owner } = line?.rule ?? first;
  return { tier, rule: id, owner, ...(line && { stream: streamId(location, line.name) }) };
}

const isMirror = ({ mirrors }: Policy, { account, repository }: ImageLocation): boolean =>
  mirrors.some(
    (mirror) => mirror.account === account && mirror.repositories.some((glob) => matchesGlob(glob, repository)),
  );

/** If the policy covers the whole organization, every ECR account counts as ours; an unreachable one is reported. */
const isOurs = (policy: Policy, { account }: ImageLocation): boolean =>
  policy.scopes === 'organization' || accountsNamedBy(policy).has(account);
