import { BREAK_GLASS_ANNOTATION, judgeBreakGlass, needsPermission } from '../../shared/domain/admission/break-glass.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { fieldOf } from '../../shared/domain/admission/object-field.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { DoorPlace } from '../../shared/domain/policy/doors.ts';
import { allowed, denied } from './answer.ts';
import { InvalidReviewError } from './errors.ts';
import type { AdmissionRequest } from './input.ts';
import type { ReviewedAdmission, ReviewPorts } from './reviewed.ts';

/**
 * Answers the review of a namespace: whether this person may set the break-glass annotation. The ledger keeps what was
 * accepted, because the review of a pod does not show its namespace. A namespace that is deleted, or made without the
 * annotation, ends what the ledger has; nothing keeps it from being deleted or made.
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
  const { inTime = (work) => work } = ports;
  try {
    return await inTime(changeBreakGlass(ports, { ...cluster, namespace: name }, request, { asked, before }));
  } catch (error) {
    // Nobody asks to open anything.
    if (isGone || asked === before) return { answer: allowed(uid), decision: 'allow', unread: error };
    if (!ports.lastPolicy?.()) throw error;
    const ruleId = DOOR_RULES.decided;
    return { answer: denied(uid, UNREAD, ruleId), decision: 'deny', ruleId, unread: error };
  }
}

/** The request of an object whose name the API server makes up has none. */
function nameIn({ name, object }: AdmissionRequest): string {
  const given = fieldOf(fieldOf(object, 'metadata'), 'name');
  return name === '' && typeof given === 'string' ? given : name;
}

const UNREAD = `The annotation ${BREAK_GLASS_ANNOTATION} cannot be changed now, because Patchwave cannot read its policy or its ledger (${DOOR_RULES.decided}). Try again in a minute.`;

const annotationOf = (namespace: unknown): unknown =>
  fieldOf(fieldOf(fieldOf(namespace, 'metadata'), 'annotations'), BREAK_GLASS_ANNOTATION);

async function changeBreakGlass(
  { policies, exceptions, clock }: ReviewPorts,
  place: DoorPlace,
  { uid, userInfo, dryRun }: AdmissionRequest,
  { asked, before }: { readonly asked: unknown; readonly before: unknown },
): Promise<ReviewedAdmission> {
  const doors = needsPermission({ asked, before }) ? (await policies.current()).policy.doors : undefined;
  const nowEpochMs = clock();
  const decision = judgeBreakGlass({ asked, before, groups: userInfo.groups, doors, nowEpochMs });
  const ruleId = DOOR_RULES.breakGlass;
  if (decision.change === 'refused') return { answer: denied(uid, decision.message, ruleId), decision: 'deny', ruleId };
  const change = { uid, user: userInfo.username, atEpochMs: nowEpochMs };
  if (decision.change === 'begin') {
    const { breakGlass } = decision;
    if (!dryRun) await exceptions.begin(place, breakGlass, change);
    const warning = `Every image may start in this namespace until ${instant(breakGlass.expiresAtEpochMs)}, with a warning (${ruleId}).`;
    return {
      answer: allowed(uid, [warning], ruleId),
      decision: 'warn',
      ruleId,
      ...(!dryRun && { breakGlass: 'begun' }),
    };
  }
  if (decision.change === 'end' && !dryRun) await exceptions.end(place, change);
  const isEnded = decision.change === 'end' && before !== undefined && !dryRun;
  return { answer: allowed(uid), decision: 'allow', ...(isEnded && { breakGlass: 'ended' }) };
}
