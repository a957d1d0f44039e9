import { type Admission, digestsToRead, strictest } from '../../shared/domain/admission/admit.ts';
import { type AskedImage, askedImages, newlyAsked, startsImages } from '../../shared/domain/admission/asked-images.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { fieldOf } from '../../shared/domain/admission/object-field.ts';
import { BREAK_GLASS_ANNOTATION } from '../../shared/domain/image/kubernetes-pod.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { type DoorPlace, doorAt } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { AskedImages, isExemptBy, MOST_IMAGES_READ, TooManyImagesError } from '../../shared/judging/decide-at-door.ts';
import { allowed, denialOf, denied, type Remark, withLastSentence } from './answer.ts';
import { decideImages } from './decide-images.ts';
import { InvalidReviewError } from './errors.ts';
import type { AdmissionRequest, AdmissionReview } from './input.ts';
import { reportDenial } from './report-denial.ts';
import { reviewNamespace } from './review-namespace.ts';
import type { ReviewedAdmission, ReviewPorts } from './reviewed.ts';

/**
 * Answers an AdmissionReview. A pod is refused if the policy refuses one of its images; an object with a pod template, and a
 * mirror pod of a node, only gets warnings. An update that keeps its images passes. Nothing is written, but for a refusal and a
 * break-glass that a person may open. If policy or ledger cannot be read, the mode of the last policy decides: `deny` refuses.
 * @param cluster of the API server that asks
 * @throws InvalidReviewError, or what a read throws if no policy was ever read
 */
export async function reviewAdmission(
  ports: ReviewPorts,
  cluster: Cluster,
  { request }: AdmissionReview,
): Promise<ReviewedAdmission> {
  const { uid, operation, kind } = request;
  if (operation === 'CONNECT') return allow(uid);
  if (kind.group === '' && kind.kind === 'Namespace') return reviewNamespace(ports, cluster, request);
  if (operation === 'DELETE') return allow(uid);
  const starts = startsImages(kind.group, kind.kind);
  if (!starts) return allow(uid);
  const asked = starts === 'pod' ? askedByPod(request) : askedBy(request);
  if (asked.length === 0) return allow(uid);
  if (request.namespace === '') throw new InvalidReviewError('request.namespace: is missing');
  const place = { ...cluster, namespace: request.namespace };
  const reviewed = await decide(ports, place, request, { asked, isRefusable: starts === 'pod' && !isMirror(request) });
  return withWayOut(await reportDenial(ports, place, request, reviewed), ports.lastPolicy?.());
}

const MOST_GROUPS = 3;

/** A refusal says who can open the namespace: whoever reads it at night may not know. */
function withWayOut(reviewed: ReviewedAdmission, policy: Policy | undefined): ReviewedAdmission {
  const groups = policy?.doors?.breakGlass?.groups ?? [];
  if (reviewed.decision !== 'deny' || reviewed.ruleId === DOOR_RULES.decided || groups.length === 0) return reviewed;
  const named = groups.slice(0, MOST_GROUPS).join(' or ');
  const text = `In an emergency a member of ${named} can open this namespace for some hours, by its annotation ${BREAK_GLASS_ANNOTATION}.`;
  return { ...reviewed, answer: withLastSentence(reviewed.answer, text) };
}

const allow = (uid: string): ReviewedAdmission => ({ answer: allowed(uid), decision: 'allow' });

/** No pod is without images, so one that seems to be was not understood. */
function askedByPod(request: AdmissionRequest): readonly AskedImage[] {
  if (askedImages('Pod', request.object).length === 0)
    throw new InvalidReviewError('request.object: is no pod with containers');
  return askedBy(request);
}

const askedBy = ({ operation, kind, object, oldObject }: AdmissionRequest): readonly AskedImage[] =>
  newlyAsked(kind.kind, object, operation === 'UPDATE' ? oldObject : undefined);

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/**
 * Whether the pod only shows a static pod, which its node runs in any case. Anybody may write the annotation, and only a node
 * is believed. https://kubernetes.io/docs/reference/access-authn-authz/node/
 */
export function isMirror({ object, userInfo }: AdmissionRequest): boolean {
  const isNode = userInfo.username.startsWith('system:node:') && userInfo.groups.includes('system:nodes');
  return isNode && fieldOf(fieldOf(fieldOf(object, 'metadata'), 'annotations'), MIRROR_ANNOTATION) !== undefined;
}

interface Asked {
  readonly asked: readonly AskedImage[];
  /** Otherwise a refusal becomes a warning. */
  readonly isRefusable: boolean;
}

/** More than any workload has; each takes three items of the ledger, and more of an index. */
export const MOST_IMAGES = 250;

async function decide(
  ports: ReviewPorts,
  place: DoorPlace,
  request: AdmissionRequest,
  { asked, isRefusable }: Asked,
): Promise<ReviewedAdmission> {
  const { inTime = (work) => work } = ports;
  const undecided = (decision: Admission['decision'] | 'off', message: string): ReviewedAdmission => {
    const admission: Admission =
      decision === 'off' || decision === 'allow'
        ? { decision: 'allow' }
        : { decision, ruleId: DOOR_RULES.decided, message };
    return reviewedBy(request, asked.slice(0, 1), [admission], isRefusable);
  };
  const references = asked.map(({ reference }) => reference);
  const pinnedLater = request.kind.kind === 'Pod' ? new Set<string>() : inContainersAlone(asked);
  const images = new AskedImages();
  try {
    if (asked.length > MOST_IMAGES)
      return undecided(doorAt((await inTime(ports.policies.current())).policy, place).mode, TOO_MANY);
    const { admissions, isRemembered } = await decideImages(ports, place, references, images, pinnedLater);
    return { ...reviewedBy(request, asked, admissions, isRefusable), ...(isRemembered && { isRemembered }) };
  } catch (error) {
    const areTooMany = error instanceof TooManyImagesError;
    const policy = (areTooMany ? await policyNow(ports) : undefined) ?? ports.lastPolicy?.();
    if (!policy) throw error;
    if (areTooMany) return undecided(doorAt(policy, place).mode, TOO_MANY_IN_INDEXES);
    if (references.every((reference) => isExemptBy(policy, reference))) return { ...allow(request.uid), unread: error };
    const { mode, onUnreachable } = doorAt(policy, place);
    const isOpen = mode === 'deny' && onUnreachable === 'allow' && asked.length <= MOST_UNREAD && images.areFew;
    return { ...(isOpen ? undecided('warn', OPEN) : undecided(mode, UNREAD)), unread: error };
  }
}

/** A template keeps its tags, and its pods get digests. An image volume keeps its tag in the pod too. */
function inContainersAlone(asked: readonly AskedImage[]): ReadonlySet<string | undefined> {
  const elsewhere = new Set(asked.flatMap(({ field, reference }) => (CONTAINER.test(field) ? [] : reference)));
  return new Set(asked.map(({ reference }) => reference)).difference(elsewhere);
}

const CONTAINER = /ontainers\[\d+\]\.image$/;

/** `undefined` if it cannot be read in time. */
const policyNow = ({ policies, inTime = (work) => work }: ReviewPorts): Promise<Policy | undefined> =>
  inTime(policies.current()).then(
    ({ policy }) => policy,
    () => undefined,
  );

/** A pod with more may be made so that no read of its images ends in time. Few pods have as many. */
const MOST_UNREAD = 30;

/** In a line of the log. */
const MOST_DIGESTS = 20;

const TOO_MANY = `The object asks for more than ${MOST_IMAGES} images, so Patchwave decides on none of them (${DOOR_RULES.decided}). Divide it into several.`;

const TOO_MANY_IN_INDEXES = `The indexes of the object lead to more than ${MOST_IMAGES_READ} images, so Patchwave decides on none of them (${DOOR_RULES.decided}). Divide it into several, or build indexes of fewer images.`;

const OPEN = `Patchwave cannot read its policy or its ledger now, and the policy lets every image start meanwhile (${DOOR_RULES.decided}). Tell the team that runs Patchwave.`;

const UNREAD = `Patchwave cannot read its policy or its ledger now, so it does not know whether the image may start (${DOOR_RULES.decided}). Try again in a minute. If it lasts, tell the team that runs Patchwave.`;

function reviewedBy(
  request: AdmissionRequest,
  asked: readonly AskedImage[],
  admissions: readonly Admission[],
  isRefusable: boolean,
): ReviewedAdmission {
  const { uid, kind } = request;
  const remarks = asked.flatMap(({ field, reference }, index) => {
    const admission = admissions[index];
    if (!admission || admission.decision === 'allow') return [];
    return [{ field, ...(reference !== undefined && { reference }), ...admission }];
  });
  const decided = strictest(admissions);
  if (decided.decision === 'allow') return allow(uid);
  const { decision, ruleId } = decided;
  const digests = digestsToRead(remarks.map(({ reference }) => reference)).slice(0, MOST_DIGESTS);
  if (decision === 'deny' && isRefusable) {
    const refused = remarks.filter((remark) => remark.decision === 'deny');
    return { answer: denied(uid, denialOf(refused), ruleId), decision, ruleId, digests, denied: refused };
  }
  const isTemplate = kind.kind !== 'Pod';
  const warnings = remarks.map((remark) => warningOf(remark, isTemplate ? kind.kind : undefined));
  return { answer: allowed(uid, warnings, ruleId), decision: 'warn', ruleId, digests };
}

/** @param template the kind of the object, if it makes pods from a template */
function warningOf({ field, message, decision }: Remark & Admission, template: string | undefined): string {
  if (template === undefined) return `${field}: ${message}`;
  return decision === 'deny'
    ? `pods of this ${template} will be refused: ${field}: ${message}`
    : `pods of this ${template}: ${field}: ${message}`;
}
