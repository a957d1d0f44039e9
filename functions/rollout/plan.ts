import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { type CascadeNode, type ServiceOfOthers, serviceKey } from '../../shared/domain/cause/cascade.ts';
import { isDoneOnceBuilt } from '../../shared/domain/cause/cause.ts';
import { provenFactStatus } from '../../shared/domain/cause/fact-status.ts';
import { pollAfterSeconds } from '../../shared/domain/common/polling.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import type { RolloutTargets } from '../../shared/domain/image/workload-kind.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { stricterRollout } from '../../shared/domain/policy/rollout-mode.ts';
import { closureOf } from '../../shared/domain/rollout/closure.ts';
import { decidedByOthers, leftServices, postponedServices } from '../../shared/domain/rollout/postponed.ts';
import {
  artifactFor,
  type LeftReason,
  type PlannedService,
  planRollout,
  type RolloutPlan,
  type RolloutStream,
  type StreamUsage,
  serviceOf,
  type VerifiedArtifact,
} from '../../shared/domain/rollout/rollout.ts';
import { modeIn, streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import { cascadeFileKeys } from '../../shared/rebuilding/cascade-files.ts';
import { SetAside } from '../../shared/rebuilding/set-aside.ts';
import { policyInForce, policyOfVersion } from '../../shared/review/policy-in-force.ts';
import { targetsFor } from '../../shared/review/private-clusters.ts';
import type { RolloutStepInput } from './input.ts';
import { knownCascade, type RolloutLimits, type RolloutPorts } from './ports.ts';
import { type ServiceDocument, serviceFileKey } from './service-file.ts';
import { runningImages } from './stream-usages.ts';

const AT_ONCE = 8;

export type PlannedRollout =
  | {
      readonly decision: 'planned';
      /** Key of the list of services to deploy, in the run bucket. */
      readonly services: { readonly key: string; readonly count: number };
    }
  /** The policy in force is unreadable, so nothing is planned yet. */
  | { readonly decision: 'wait'; readonly waitSeconds: number };

interface NodeView extends RolloutStream {
  readonly node: CascadeNode;
  readonly verified: readonly VerifiedArtifact[];
}

/**
 * Plans the rollout: the services that still run replaced images, and one closure for each verified stream. A
 * repetition finds its closures. While the policy in force is unreadable, the rollout waits as if paused; if only the
 * cascade's policy is lost, the one in force counts alone. An unreadable item blocks only its own stream.
 * @throws PolicyUnreadableError at the deadline of the cascade
 */
export async function planServices(
  ports: RolloutPorts,
  { pollSeconds }: Pick<RolloutLimits, 'pollSeconds'>,
  { cascadeId }: RolloutStepInput<'plan'>,
): Promise<PlannedRollout> {
  const cascade = await knownCascade(ports, cascadeId);
  const [own, current] = await Promise.all([
    policyOfVersion(ports.policies, cascade.policyVersion),
    policyInForce(ports.policies),
  ]);
  if (current.unreadable) {
    const { plannedAtEpochMs: sinceEpochMs, deadlineEpochMs: untilEpochMs } = cascade;
    const nowEpochMs = ports.clock();
    if (nowEpochMs >= untilEpochMs) throw current.unreadable;
    return { decision: 'wait', waitSeconds: pollAfterSeconds({ sinceEpochMs, nowEpochMs, untilEpochMs, pollSeconds }) };
  }
  const { policy } = own.unreadable ? current : own;
  const nodes = await collect(ports.cascades.nodes(cascadeId));
  const read = await mapConcurrently(nodes, AT_ONCE, (node) => readNode(ports, node, [policy, current.policy]));
  const streams = read.map(({ view }) => view);
  const usages = read.flatMap((one) => one.usages);
  const targets = await targetsFor(
    ports.scopes,
    ports.targets,
    usages.map(({ usage }) => usage),
  );
  const plan = planRollout(usages, streams, targets, ({ stream, usage }) => {
    const mode = modeIn(current.policy, stream, usage.account);
    return mode === 'enforce' ? undefined : mode;
  });
  const shares = sharesOf(plan, streams, targets);
  await mapConcurrently(streams, AT_ONCE, (view) =>
    unlessUnreadable(openClosure({ ...ports, targets }, view, policy, shares(view.stream)), undefined),
  );
  const verified = new Map(streams.map((view) => [view.stream, view.verified]));
  await mapConcurrently(plan.services, AT_ONCE, (planned) =>
    ports.files.put(serviceFileKey(cascadeId, planned), documentOf(planned, verified)),
  );
  const { services: key } = cascadeFileKeys(cascadeId);
  await ports.files.put(
    key,
    plan.services.map(({ account, region, cluster, service }) => ({
      cascadeId,
      service: { account, region, cluster, service },
    })),
  );
  return { decision: 'planned', services: { key, count: plan.services.length } };
}

interface ReadNode {
  readonly view: NodeView;
  readonly usages: readonly StreamUsage[];
}

/**
 * A stream with an unreadable item counts as unverified: neither it nor a service that it shares is deployed.
 * Everything readable is read, so that such services are known.
 */
async function readNode(
  ports: RolloutPorts,
  node: CascadeNode,
  policies: readonly [Policy, Policy],
): Promise<ReadNode> {
  const aside = new SetAside();
  const view = (await aside.unlessUnreadable(viewOf(ports, node, policies))) ?? unreadView(node);
  const ofImage: RolloutPorts['usages']['ofImage'] = async (digest) =>
    (await aside.unlessUnreadable(ports.usages.ofImage(digest))) ?? [];
  const usages = await replacedUsages({ ...ports, usages: { ofImage } }, view);
  const items = aside.items();
  if (items.length === 0) return { view, usages };
  logger.warn(
    `Patchwave does not deploy stream ${node.stream}, because it cannot read ledger items: ${items.join('; ')}. Correct or delete them.`,
  );
  return { view: { ...view, state: UNREAD }, usages };
}

const UNREAD = 'unverified';

const unreadView = (node: CascadeNode): NodeView => ({
  ...{ node, stream: node.stream, state: UNREAD, mode: 'none', verified: [] },
  output: new Set(node.outputs ?? (node.output === undefined ? [] : [node.output])),
});

/**
 * @param policies the cascade's policy and the one in force, because a person may have changed the rollout meanwhile
 */
async function viewOf(ports: RolloutPorts, node: CascadeNode, policies: readonly [Policy, Policy]): Promise<NodeView> {
  const { stream, state, output, outputs = output === undefined ? [] : [output] } = node;
  const [indexes, images] = await Promise.all([ports.places.indexes(outputs), ports.images.get(outputs)]);
  const [planned, current] = policies;
  const mode = stricterRollout(streamPolicy(planned, stream).rollout, streamPolicy(current, stream).rollout);
  const children = [...indexes.values()].flat().map(({ digest }) => digest);
  return {
    ...{ node, stream, state, mode },
    output: new Set([...outputs, ...children]),
    verified: outputs.map((digest) => {
      const index = indexes.get(digest);
      const platforms = index?.map(({ platform }) => platform) ?? platformOf(images.get(digest));
      return { digest, isIndex: index !== undefined, platforms };
    }),
  };
}

const platformOf = (image: Pick<ImageRecord, 'platform'> | undefined) => (image?.platform ? [image.platform] : []);

/** Running images of a stream to replace. An image without any fact of the cause may stay, above all a newer one. */
async function replacedUsages(
  ports: Parameters<typeof runningImages>[0],
  { node, stream, output }: NodeView,
): Promise<StreamUsage[]> {
  const isAsked = (image: ImageRecord): boolean =>
    image.inUse && image.stream === stream && !output.has(image.digest) && isReplaced(node, image);
  const running = await runningImages(ports, stream, isAsked);
  return running.flatMap(({ image, usages }) => {
    const [platform] = platformOf(image);
    return usages.map((usage) => ({ stream, usage, ...(platform && { platform }) }));
  });
}

/**
 * A manual request replaces every running image except a head pushed since. A scan that ended before the first sighting
 * of a finding keeps no image: the finding may come from a head that does not run, and the output was built since.
 */
const isReplaced = ({ facts, holders }: CascadeNode, image: ImageRecord): boolean =>
  holders.includes(image.digest) ||
  facts.some((fact) => (isDoneOnceBuilt(fact) ? !image.isHead : provenFactStatus(fact, image) !== 'absent'));

/** The plan for one stream. */
interface Share {
  /** By key. */
  readonly services: readonly string[];
  readonly left: RolloutPlan['left'];
  readonly ofOthers: readonly ServiceOfOthers[];
}

/** A plan has thousands of streams, and each reads its part. */
function sharesOf(
  plan: RolloutPlan,
  streams: readonly RolloutStream[],
  targets: RolloutTargets,
): (stream: string) => Share {
  const left = Map.groupBy(plan.left, ({ stream }) => stream);
  const rollouts = new Map(streams.map(({ stream, mode }) => [stream, mode]));
  const together = Map.groupBy(plan.left, ({ usage }) => serviceKey(serviceOf(usage)));
  const deployed = plan.services.flatMap((service) =>
    [...new Set(service.containers.map(({ stream }) => stream))].map((stream) => ({
      stream,
      key: serviceKey(service),
    })),
  );
  const services = Map.groupBy(deployed, ({ stream }) => stream);
  return (stream) => ({
    services: (services.get(stream) ?? []).map(({ key }) => key),
    left: left.get(stream) ?? [],
    ofOthers: decidedByOthers(
      [...new Set((left.get(stream) ?? []).map(({ usage }) => serviceKey(serviceOf(usage))))].flatMap(
        (service) => together.get(service) ?? [],
      ),
      (one) => one === stream,
      (one) => rollouts.get(one),
      targets,
    ),
  });
}

async function openClosure(
  { rollouts, clock, targets }: RolloutPorts,
  { node, state, stream, mode }: NodeView,
  { guards }: Policy,
  { services, left, ofOthers }: Share,
): Promise<void> {
  if (state !== 'verified' || node.output === undefined) return;
  const waitingFor = waitingForOwners(left);
  const postponed = postponedServices(left, mode, targets);
  await rollouts.openClosure(closureOf(node, node.output, guards, clock()));
  // The end of the cascade uses the services that were planned last.
  await rollouts.changeClosure(node.cascadeId, stream, (before) => {
    const owners = before.waitingFor ?? waitingFor;
    const after = {
      ...before,
      ...{ services, left: leftServices(left, targets) },
      ...(postponed.length > 0 && { postponed }),
      ...(ofOthers.length > 0 && { decidedByOthers: ofOthers }),
      ...(owners !== undefined && { waitingFor: owners }),
    };
    return before.state !== 'open' || sameContent(before, after) ? undefined : after;
  });
}

const MOST_NAMED = 10;

/** Services that Patchwave does not deploy: their owners do, and every review checks it. */
function waitingForOwners(left: RolloutPlan['left']): string | undefined {
  if (left.length === 0) return undefined;
  const names = left.map(
    ({ reason, usage: { account, region, cluster, workload, workloadKind } }) =>
      `${workloadKind} ${account}/${region}/${cluster}/${workload} (${reason})`,
  );
  const unique = [...new Set(names)];
  const more = unique.length > MOST_NAMED ? ` and ${unique.length - MOST_NAMED} more` : '';
  const helping = HELP.filter(({ of }) => left.some(({ reason }) => of.includes(reason))).map(
    ({ text }) => `. ${text}`,
  );
  return `Patchwave does not deploy ${unique.slice(0, MOST_NAMED).join(', ')}${more}. Deploy these yourself${helping.join('')}`;
}

/** What else helps; a workload of a kind that Patchwave never deploys can only be deployed by its owner. */
const HELP: readonly { readonly of: readonly LeftReason[]; readonly text: string }[] = [
  { of: ['none', 'pipeline'], text: 'Or, for `pipeline` and `none`, change `rollout` of their stream in the policy' },
  {
    of: ['paused', 'report-only'],
    text: 'Or, for `paused` and `report-only`, set the mode to `enforce` in the policy',
  },
  {
    of: ['not-verified'],
    text: 'Or, for `not-verified`, correct the other stream of the service, which `patchwave status` names; the next review plans the service again',
  },
  {
    of: ['private-cluster'],
    text: 'Or, for `private-cluster`, enable public access to the endpoint of the cluster; the next review then plans its workloads again',
  },
  {
    of: ['eks-rollout-off'],
    text: 'Or, for `eks-rollout-off`, let Patchwave deploy to EKS: set RolloutToEks=true in the hub and in the member stacks, then follow "Deploy to EKS" in docs/acting.md',
  },
];

const documentOf = (
  { mode, containers }: PlannedService,
  verified: ReadonlyMap<string, readonly VerifiedArtifact[]>,
): ServiceDocument => ({
  mode,
  containers: containers.map(({ ran, ...container }) => {
    const artifact = artifactFor(verified.get(container.stream) ?? [], ran);
    return { ...container, ran: [...ran], ...(artifact && { output: artifact.digest }) };
  }),
});
