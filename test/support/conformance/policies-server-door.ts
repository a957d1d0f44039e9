import type { KubernetesClient, PersonAnswer } from '../kubernetes-client.ts';
import { ruleByLists } from './admission-policy-door.ts';
import { ownDigest } from './allowed-lists.ts';
import { type ConformanceCase, casesPolicy } from './cases.ts';
import type { ConformanceDoor } from './doors.ts';
import type { Expected } from './situation.ts';
import { DEVELOPER, RESOURCES } from './webhook-door.ts';
import { putToServer } from './webhook-server-door.ts';

/** Of the door, in the matrix and in not-expressed.yaml. */
export const POLICIES_ON_SERVER = 'policies-on-server';

/** The server has the policies of most cases: those that change neither doors nor registries. */
const hasCommonPolicy = ({ situation: { policy } }: ConformanceCase): boolean =>
  JSON.stringify([policy.doors, policy.approvedRegistries]) ===
  JSON.stringify([casesPolicy.doors, casesPolicy.approvedRegistries]);

/**
 * What a person sees who puts the case to an API server with the shipped policies. Lists of the images of all cases are there,
 * so each case asks for images of its own (`ownDigest`).
 */
export const policiesOnServerDoor = (clientOf: (user: typeof DEVELOPER) => KubernetesClient): ConformanceDoor => ({
  name: POLICIES_ON_SERVER,
  can: (one) =>
    one.review !== undefined &&
    RESOURCES[one.review.kind] !== undefined &&
    one.review.kind !== 'Namespace' &&
    !(one.review.operation === 'UPDATE' && !one.review.oldObject) &&
    hasCommonPolicy(one),
  async decide(one) {
    return decidedIn(await putToServer(withOwnDigests(one), clientOf(one.review?.user ?? DEVELOPER)));
  },
  rule: ruleByLists,
});

/** The case with digests of its own in what it asks. */
export function withOwnDigests(one: ConformanceCase): ConformanceCase {
  if (!one.review) return one;
  const own = (digest: string): string => ownDigest(one, digest);
  return { ...one, review: JSON.parse(JSON.stringify(one.review).replaceAll(/sha256:[0-9a-f]{64}/g, own)) };
}

const DENIED = /^[a-z]+ "[^"]*" is forbidden: ValidatingAdmissionPolicy 'patchwave-[^']*' .*denied request: (.+)$/s;

function decidedIn({ status, body, warnings }: PersonAnswer): Expected {
  if (status < 300) {
    const [first] = warnings;
    return first === undefined ? { decision: 'allow' } : { decision: 'warn', ...citedIn(first) };
  }
  const [, said] = DENIED.exec(body.message ?? '') ?? [];
  // A refusal of the object itself is no decision of a door.
  if (said === undefined) throw new Error(`HTTP ${status}: ${body.message}`);
  return { decision: 'deny', ...citedIn(said) };
}

function citedIn(text: string): { readonly rule?: string } {
  const [, rule] = /\(([a-z0-9-]+)\)[^()]*$/.exec(text) ?? [];
  return rule === undefined ? {} : { rule };
}
