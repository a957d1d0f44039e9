import { BREAK_GLASS_ANNOTATION, judgeBreakGlass, needsPermission } from '../../shared/domain/admission/break-glass.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { fieldOf } from '../../shared/domain/admission/object-field.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { allowed, denied } from './answer.ts';
import { InvalidReviewError } from './errors.ts';
import type { AdmissionRequest } from './input.ts';
import type { ReviewedAdmission, ReviewPorts } from './reviewed.ts';

/**
 * Answers the review of a namespace: whether this person may set the break-glass annotation. The ledger keeps what was
 * accepted, because the review of a pod does not show its namespace.
 */
export async function reviewNamespace(
  ports: ReviewPorts,
  cluster: Cluster,
  request: AdmissionRequest,
): Promise<ReviewedAdmission> {
  const { uid, object, oldObject } = request;
  if (typeof object !== 'object' || object === null) throw new InvalidReviewError('request.object: is missing');
  const isNew = request.operation === 'CREATE';
  const [asked, before] = [annotationOf(object), isNew ? undefined : annotationOf(oldObject)];
  if (!isNew && asked === before) return { answer: allowed(uid), decision: 'allow' };
  const { inTime = (work) => work } = ports;
  try {
    return await inTime(changeBreakGlass(ports, cluster, request, { asked, before }));
  } catch (error) {
    if (!ports.lastPolicy?.()) throw error;
    const ruleId = DOOR_RULES.decided;
    return { answer: denied(uid, UNREAD, ruleId), decision: 'deny', ruleId, unread: error };
  }
}

const UNREAD = `The annotation ${BREAK_GLASS_ANNOTATION} cannot be changed now, because Patchwave cannot read its policy or its ledger (${DOOR_RULES.decided}). Try again in a minute.`;

const annotationOf = (namespace: unknown): unknown =>
  fieldOf(fieldOf(fieldOf(namespace, 'metadata'), 'annotations'), BREAK_GLASS_ANNOTATION);

async function changeBreakGlass(
  { policies, exceptions, clock }: ReviewPorts,
  cluster: Cluster,
  { uid, name, userInfo, dryRun }: AdmissionRequest,
  { asked, before }: { readonly asked: unknown; readonly before: unknown },
): Promise<ReviewedAdmission> {
  const doors = needsPermission({ asked, before }) ? (await policies.current()).policy.doors : undefined;
  const nowEpochMs = clock();
  const decision = judgeBreakGlass({ asked, before, groups: userInfo.groups, doors, nowEpochMs });
  const ruleId = DOOR_RULES.breakGlass;
  if (decision.change === 'refused') return { answer: denied(uid, decision.message, ruleId), decision: 'deny', ruleId };
  if (name === '') throw new InvalidReviewError('request.name: is missing');
  const place = { ...cluster, namespace: name };
  const change = { uid, user: userInfo.username, atEpochMs: nowEpochMs };
  if (decision.change === 'begin') {
    const { breakGlass } = decision;
    if (!dryRun) await exceptions.begin(place, breakGlass, change);
    const warning = `Every image may start in this namespace until ${instant(breakGlass.expiresAtEpochMs)}, with a warning.`;
    return { answer: allowed(uid, [warning], ruleId), decision: 'warn', ruleId };
  }
  if (decision.change === 'end' && !dryRun) await exceptions.end(place, change);
  return { answer: allowed(uid), decision: 'allow' };
}
