import { buildFiles, NoDoorsError } from '../../../enforcement/build/build-files.ts';
import { LIST_RULES } from '../../../enforcement/build/list-rules.ts';
import { DOOR_RULES } from '../../../shared/domain/admission/door-rules.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { evaluatePolicy, type PolicyDecision, type PolicyInput } from '../admission-policy.ts';
import { evaluateConstraints } from '../gatekeeper.ts';
import { allowedLists } from './allowed-lists.ts';
import type { ConformanceCase } from './cases.ts';
import type { ConformanceDoor } from './doors.ts';
import { admissionReviewOf, RESOURCES } from './webhook-door.ts';

const built = new Map<string, ReadonlyMap<string, string>>();

/** A manifest for a cluster, as it is shipped; `undefined` if no door of the policy does anything there. */
export function manifestFor(
  name: 'admission-policies' | 'gatekeeper',
  policy: Policy,
  { account, region, cluster }: Cluster,
): string | undefined {
  const key = JSON.stringify([policy.approvedRegistries, policy.awsManaged, policy.doors, account, region, cluster]);
  const files = built.get(key) ?? build(policy, { account, region, cluster });
  built.set(key, files);
  return files.get(`kubernetes/${account}/${region}/${cluster}/${name}.yaml`);
}

function build(policy: Policy, cluster: Cluster): ReadonlyMap<string, string> {
  try {
    return buildFiles(policy, { clusters: [cluster], shardCount: 16 });
  } catch (error) {
    if (error instanceof NoDoorsError) return new Map();
    throw error;
  }
}

/** Rules that follow from the reference. All others are one for a door that looks digests up in lists. */
const OF_REFERENCES: ReadonlySet<string | undefined> = new Set([
  ...[undefined, DOOR_RULES.referenceReadable, DOOR_RULES.digestRequired, 'approved-registries'],
]);

/** The rule that a door with lists cites: it knows why an image may start for now, and not why it may not. */
export function ruleByLists(cited: string | undefined, { situation, expect }: ConformanceCase): string | undefined {
  if (OF_REFERENCES.has(cited) && (cited !== 'approved-registries' || isForeign(situation))) return cited;
  const isGrace = expect.decision === 'warn' && situation.presences.size > 0;
  return isGrace ? cited : LIST_RULES.digestAllowed;
}

/** The reference names a registry that is not approved; the image alone may have another place. */
const isForeign = ({ asked }: ConformanceCase['situation']): boolean =>
  asked.some(({ registry }) => registry === 'other');

/** The expressions of the shipped ValidatingAdmissionPolicies, in Node.js. */
export const admissionPolicyDoor = listDoor('vap', 'admission-policies', evaluatePolicy);

/** The expressions of the shipped ConstraintTemplate, in Node.js. */
export const gatekeeperDoor = listDoor('gatekeeper', 'gatekeeper', (yaml, input) =>
  evaluateConstraints(yaml, input, mergedList(input.params ?? {})),
);

/** The constraints of Gatekeeper have one list in place of several. */
export function mergedList(lists: Readonly<Record<string, unknown>>): ListSpec {
  const specs = Object.values(lists).map((list) => (list as { readonly spec: ListSpec }).spec);
  const all = (field: 'digests' | 'running') => Object.assign({}, ...specs.map((spec) => spec[field]));
  return { notAfter: specs[0]?.notAfter ?? '', digests: all('digests'), running: all('running') };
}

interface ListSpec {
  readonly notAfter: string;
  readonly digests: object;
  readonly running: object;
}

function listDoor(
  name: string,
  file: 'admission-policies' | 'gatekeeper',
  evaluate: (yaml: string, input: PolicyInput) => PolicyDecision,
): ConformanceDoor {
  return {
    name,
    can: ({ review }) => review !== undefined && RESOURCES[review.kind] !== undefined && review.kind !== 'Namespace',
    async decide(one) {
      const yaml = manifestFor(file, one.situation.policy, one.place);
      if (yaml === undefined) return { decision: 'allow' };
      const { request } = admissionReviewOf(one);
      const { object, oldObject, operation, namespace, userInfo, kind, subResource } = request;
      const { decision, objections, errors } = evaluate(yaml, {
        object: created(object, one.situation.nowEpochMs),
        ...(oldObject !== null && { oldObject: created(oldObject, one.situation.nowEpochMs) }),
        request: {
          ...{ kind, operation, namespace },
          resource: { group: kind.group, version: 'v1', resource: RESOURCES[kind.kind]?.resource ?? '' },
          ...(subResource !== '' && { subResource }),
          userInfo: { username: userInfo.username, groups: userInfo.groups ?? [] },
        },
        params: allowedLists(one),
      });
      if (errors.length > 0) throw new Error(`${one.id}: ${errors.join('; ')}`);
      const [first] = objections;
      return { decision, ...(first && { rule: first.ruleId }) };
    },
    rule: ruleByLists,
  };
}

/** The API server writes the time of the creation before it asks. */
function created(object: unknown, nowEpochMs: number): unknown {
  if (typeof object !== 'object' || object === null) return object;
  const metadata = 'metadata' in object && typeof object.metadata === 'object' ? object.metadata : {};
  return { ...object, metadata: { creationTimestamp: new Date(nowEpochMs).toISOString(), ...metadata } };
}
