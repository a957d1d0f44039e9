import { judgeBreakGlass, needsPermission } from '../../shared/domain/admission/break-glass.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { fieldOf } from '../../shared/domain/admission/object-field.ts';
import { cutText } from '../../shared/domain/common/cut-text.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { BREAK_GLASS_ANNOTATION } from '../../shared/domain/image/kubernetes-pod.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { DoorPlace } from '../../shared/domain/policy/doors.ts';
import { allowed, denied } from './answer.ts';
import { InvalidReviewError } from './errors.ts';
import type { AdmissionRequest } from './input.ts';
import type { ReviewedAdmission, ReviewPorts } from './reviewed.ts';

/**
 * Answers the review of a namespace: whether this person may set the break-glass annotation. It opens nothing: anybody who has
 * the path of the cluster can send a review, with any user in it. What was accepted is checked in the cluster itself
 * (functions/break-glass). A namespace that loses the annotation, is deleted, or is made without it has an open one checked too;
 * nothing keeps these changes from being made.
 */
export async function reviewNamespace(
  ports: ReviewPorts,
  cluster: Cluster,
  request: AdmissionRequest,
): Promise<ReviewedAdmission> {
  const { uid, operation, object, oldObject } = request;
  const isGone = operation === 'DELETE';
  if (!isGone && (typeof object !== 'object' || object === null))
    throw new InvalidReviewError('request.object: is missing');
  const asked = isGone ? undefined : annotationOf(object);
  const before = operation === 'CREATE' ? undefined : annotationOf(oldObject);
  const name = nameIn(request);
  if (asked === before && (operation !== 'CREATE' || name === '')) return { answer: allowed(uid), decision: 'allow' };
  if (name === '') throw new InvalidReviewError('request.name: is missing');
  // The API server validates the name after this review, and refuses it.
  if (!NAMESPACE.test(name)) return { answer: allowed(uid), decision: 'allow' };
  const { inTime = (work) => work } = ports;
  try {
    return await inTime(changeBreakGlass(ports, { ...cluster, namespace: name }, request, { asked, before }));
  } catch (error) {
    // A change that opens nothing passes. A sweep closes what stays open by it.
    if (asked === undefined) return { answer: allowed(uid), decision: 'allow', unread: error };
    if (!ports.lastPolicy?.()) throw error;
    const ruleId = DOOR_RULES.decided;
    return { answer: denied(uid, UNREAD, ruleId), decision: 'deny', ruleId, unread: error };
  }
}

/** RFC 1123. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The request of an object whose name the API server makes up has none. */
function nameIn({ name, object }: AdmissionRequest): string {
  const given = fieldOf(fieldOf(object, 'metadata'), 'name');
  return name === '' && typeof given === 'string' ? given : name;
}

const UNREAD = `The annotation ${BREAK_GLASS_ANNOTATION} cannot be changed now, because Patchwave cannot read its policy or its ledger (${DOOR_RULES.decided}). Try again in a minute.`;

const annotationOf = (namespace: unknown): unknown =>
  fieldOf(fieldOf(fieldOf(namespace, 'metadata'), 'annotations'), BREAK_GLASS_ANNOTATION);

async function changeBreakGlass(
  { policies, exceptions, checks, clock, mayAsk = () => true }: ReviewPorts,
  place: Required<DoorPlace>,
  { uid, userInfo, dryRun }: AdmissionRequest,
  { asked, before }: { readonly asked: unknown; readonly before: unknown },
): Promise<ReviewedAdmission> {
  const doors = needsPermission({ asked, before }) ? (await policies.current()).policy.doors : undefined;
  const nowEpochMs = clock();
  const decision = judgeBreakGlass({ asked, before, groups: userInfo.groups, doors, nowEpochMs });
  const ruleId = DOOR_RULES.breakGlass;
  if (decision.change === 'refused') return { answer: denied(uid, decision.message, ruleId), decision: 'deny', ruleId };
  const check = { place, uid, user: cutText(userInfo.username, MOST_IN_USER), askedAtEpochMs: nowEpochMs };
  if (decision.change === 'begin') {
    const { breakGlass } = decision;
    if (!dryRun && !mayAsk(place)) return { answer: denied(uid, TOO_OFTEN, ruleId), decision: 'deny', ruleId };
    if (!dryRun) await checks.send([{ ...check, kind: 'begin', breakGlass }]);
    const warning = `Within a minute, once Patchwave has read this annotation from the cluster, every image may start in this namespace until ${instant(breakGlass.expiresAtEpochMs)}, with a warning (${ruleId}).`;
    return {
      answer: allowed(uid, [warning], ruleId),
      decision: 'warn',
      ruleId,
      ...(!dryRun && { breakGlass: 'begin' }),
    };
  }
  // Only a new namespace has none before and none now: one of its name may be open. A sweep finds what is not asked for here.
  const mayBeOpen = before !== undefined || (await exceptions.breakGlassOf(place)) !== undefined;
  const isEnd = decision.change === 'end' && mayBeOpen && !dryRun && mayAsk(place);
  if (isEnd) await checks.send([{ ...check, kind: 'end' }]);
  return { answer: allowed(uid), decision: 'allow', ...(isEnd && { breakGlass: 'end' }) };
}

/** In a message. */
const MOST_IN_USER = 512;

const TOO_OFTEN = `The annotation ${BREAK_GLASS_ANNOTATION} was changed too often within a minute (${DOOR_RULES.breakGlass}). Try again in a minute, or open the namespace with patchwave doors open.`;
