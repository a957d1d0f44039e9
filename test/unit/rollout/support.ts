import type { DeploymentAnswer } from '../../../functions/rollout/answers.ts';
import { checkDeployment } from '../../../functions/rollout/check.ts';
import { deploy } from '../../../functions/rollout/deploy.ts';
import { planServices } from '../../../functions/rollout/plan.ts';
import type { RolloutPorts } from '../../../functions/rollout/ports.ts';
import { Deployers } from '../../../shared/adapters/deployers.ts';
import type { CascadeNode, NodeState } from '../../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import type { Platform } from '../../../shared/domain/image/image.ts';
import type { Usage } from '../../../shared/domain/image/usage.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import type { Reason, Verdict } from '../../../shared/domain/verdict/verdict.ts';
import type { Deployer, ServiceRef } from '../../../shared/ports/rollouts.ts';
import { parse } from '../../../shared/schema.ts';
import { interleave, type Turns } from '../../support/fakes/interleave.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { digestOf, HOUR_MS, imageProperties, usage } from '../../support/samples.ts';

export { HOUR_MS } from '../../support/samples.ts';
export const MINUTE_MS = 60_000;
export const LIMITS = { pollSeconds: 5 };
/** How long a deployment may take by default, without its bake time. */
export const DEPLOYMENT_MS = 2 * HOUR_MS;
export const CASCADE = '0123456789ab-g1';
export const REGISTRY = { account: '111122223333', region: 'eu-west-1' };
export const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';

export const locationOf = (name: string) => ({ ...REGISTRY, repository: `team/${name}` });
export const streamOf = (name: string): string => `${REGISTRY.account}/${REGISTRY.region}/team/${name}:^v.*$`;
export const serviceOf = (service: string, cluster = 'prod'): ServiceRef => ({ ...REGISTRY, cluster, service });
export const imageOf = (name: string, tag = 'v1'): string => `${HOST}/team/${name}:${tag}`;

export const FIXED: CauseFact = {
  ...{ kind: 'finding', ruleId: 'critical', vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1' },
  ...{ fix: 'yes', packageKind: 'os', sinceEpochMs: 1_795_000_000_000 },
};

export const REASON: Reason = {
  ...{ ruleId: 'critical', effect: 'violates', kind: 'finding', vulnerability: 'CVE-2026-1', package: 'openssl' },
  ...{ version: '3.0.1', severity: 'critical', fix: 'yes', firstSeenAtEpochMs: 1_795_000_000_000 },
};

/** Where the pipelines of all streams are. */
export const PIPELINES = '555566667777';

const policyOf = (
  modes: Readonly<Record<string, RolloutMode>>,
  mode: PolicyDocument['mode'],
  changes: Partial<PolicyDocument> = {},
): PolicyDocument => ({
  version: 1,
  ...(mode && { mode }),
  ages: { default: { limitDays: 30 } },
  streams: Object.entries(modes).map(([name, rollout]) => ({
    ...{ id: name, tier: 'application', account: REGISTRY.account, regions: [REGISTRY.region], owner: 'payments' },
    ...{ repositories: [`team/${name}`], headTags: ['^v.*$'], pipeline: { account: PIPELINES, name }, rollout },
  })),
  severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
  ...changes,
});

/** With `eks` Patchwave deploys to EKS, too. */
export type RolloutWorld = Awaited<ReturnType<typeof rolloutWorld>> & { readonly eks?: Deployer };

interface Scene {
  /** Streams of the cascade with their modes. */
  readonly modes?: Readonly<Record<string, RolloutMode>>;
  readonly states?: Readonly<Record<string, NodeState>>;
  readonly nodes?: Readonly<Record<string, Partial<CascadeNode>>>;
}

/** A cascade whose streams are verified: `<name>-old` runs, `<name>-new` was verified and is what the tag means. */
export async function rolloutWorld({ modes = { web: 'restart' }, states = {}, nodes = {} }: Scene = {}) {
  const world = fakeWorld();
  const policyVersion = await world.policies.publish(parse(policySchema, policyOf(modes, 'enforce')), {});
  const plannedAtEpochMs = world.clock();
  const complete = {
    ...world,
    policyVersion,
    /** The rollout of streams from now on; one that is left out is in the policy no more. */
    setRollout: async (rollouts: Readonly<Record<string, RolloutMode>>) => {
      const { version: replaces } = await world.policies.current();
      await world.policies.publish(parse(policySchema, policyOf(rollouts, 'enforce')), { replaces });
    },
    /** The policy in force from now on. */
    apply: async (mode: PolicyDocument['mode'], changes: Partial<PolicyDocument> = {}) => {
      const { version: replaces } = await world.policies.current();
      await world.policies.publish(parse(policySchema, policyOf(modes, mode, changes)), { replaces });
    },
  };
  const planned = Object.keys(modes).map((name) => {
    const state = states[name] ?? 'verified';
    const output = state === 'verified' ? { output: digestOf(`${name}-new`) } : {};
    const held = { facts: [FIXED], holders: [digestOf(`${name}-old`)] };
    return node(CASCADE, streamOf(name), { ...held, state, ...output, ...nodes[name] });
  });
  await world.cascades.beginPlanning('planner', { nowEpochMs: plannedAtEpochMs, untilEpochMs: plannedAtEpochMs + 1 });
  const working = { policyVersion, plannedAtEpochMs, state: 'running', streams: planned.length } as const;
  await world.cascades.write('planner', cascade(CASCADE, working), planned);
  await world.cascades.endPlanning('planner');
  for (const name of Object.keys(modes)) {
    await known(complete, name, 'old', { holds: true });
    await known(complete, name, 'new', { holds: false, isHead: true });
    pushImage(complete, name, 'new', ['v1']);
    const cause = { stream: streamOf(name), facts: [FIXED], sinceEpochMs: FIXED.sinceEpochMs, version: 1 };
    await world.causes.change(streamOf(name), () => ({ ...cause, state: 'taken', takenBy: { cascadeId: CASCADE } }));
  }
  world.advance(30 * MINUTE_MS);
  return complete;
}

/** An image in the repository of a stream: `<name>-<which>`. */
export function pushImage({ registry, clock }: World, name: string, which: string, tags: readonly string[] = []) {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const content = { mediaType, configDigest: digestOf('config'), layers: [], annotations: {} };
  const artifact = { kind: 'image', digest: digestOf(`${name}-${which}`), ...content } as const;
  registry.push(locationOf(name), { artifact, tags, pushedAtEpochMs: clock() });
}

type World = Pick<ReturnType<typeof fakeWorld>, 'images' | 'streamImages' | 'clock' | 'usages' | 'registry'>;

interface Known {
  /** Whether its verdict has the fixed finding; absent if it is not judged. */
  readonly holds?: boolean | undefined;
  readonly isHead?: boolean;
  readonly platform?: Platform;
  /** Now where left out. */
  readonly scannedAtEpochMs?: number;
}

/** An image of a stream that the ledger knows: `<name>-<which>`. */
export async function known({ images, streamImages, clock }: World, name: string, which: string, is: Known) {
  const { holds, isHead = false, platform = 'linux/arm64', scannedAtEpochMs = clock() } = is;
  const digest = digestOf(`${name}-${which}`);
  const properties = imageProperties(`${name}-${which}`, {
    stream: streamOf(name),
    locations: [locationOf(name)],
    platform,
  });
  await images.recordProperties(properties);
  await images.recordPresence(digest, { isHead });
  await streamImages.record(streamOf(name), { digest });
  if (holds === undefined) return;
  const status: Verdict['status'] = holds ? 'violating' : 'compliant';
  const verdict: Verdict = { status, reasons: holds ? [REASON] : [], policyVersion: 'p' };
  const scan = { state: 'complete', completedAtEpochMs: scannedAtEpochMs, coverage: ['os'] } as const;
  await images.recordJudgement({ digest, scan, verdict, judgedAtEpochMs: clock() });
}

/** Runs an image of a stream in a container of a service (or of what `changes` say). */
export async function runs(
  { usages, images, clock }: World,
  name: string,
  which = 'old',
  changes: Partial<Usage> = {},
) {
  const digest = digestOf(`${name}-${which}`);
  const asked = { workload: name, container: name, reference: imageOf(name) };
  const ran = usage(`${name}-${which}`, { ...REGISTRY, ...asked, ...changes, digest });
  await usages.record([ran], clock());
  await images.recordPresence(digest, { inUse: true });
  return ran;
}

/** A service with a container for each stream named, which runs its old image. */
export async function service(
  world: RolloutWorld,
  name: string,
  streams: readonly string[] = [name],
  cluster = 'prod',
) {
  const ref = serviceOf(name, cluster);
  const containers = streams.map((stream) => ({ name: stream, image: imageOf(stream) }));
  world.deployer.create(ref, [...containers, { name: 'sidecar', image: 'public.ecr.aws/envoy:1' }]);
  for (const stream of streams) await runs(world, stream, 'old', { workload: name, container: stream, cluster });
  world.advance(MINUTE_MS);
  return ref;
}

/** The ports of one Lambda invocation; a test may come between any two of its calls. */
export function portsOf(world: RolloutWorld, turns: Turns = {}): RolloutPorts {
  const { cascades, rollouts, causes, images, places, usages, streamImages, runs: reviews, scopes } = world;
  const { killSwitch, policies, servicesAtZero, runFiles: files, evidence, registry, eks, clock, ids } = world;
  const deployer = eks ? new Deployers(world.deployer, eks) : world.deployer;
  const ledgers = { cascades, rollouts, causes, images, places, usages, streamImages, runs: reviews, scopes };
  const all = { ...ledgers, servicesAtZero, killSwitch, policies, files, evidence, registry, deployer };
  const interleaved = Object.entries(all).map(([name, port]) => [name, interleave(name, port, turns)]);
  return { ...all, ...Object.fromEntries(interleaved), targets: { eks: eks !== undefined }, clock, ids };
}

export const plan = (world: RolloutWorld, turns: Turns = {}) =>
  planServices(portsOf(world, turns), LIMITS, { cascadeId: CASCADE });

/** What the map over services reads. */
export async function planned(world: RolloutWorld): Promise<readonly ServiceRef[]> {
  const answer = await plan(world);
  if (answer.decision !== 'planned') throw new Error('the rollout waits');
  const { services } = answer;
  const items = (await world.runFiles.get(services.key)) as { cascadeId: string; service: ServiceRef }[];
  if (items.length !== services.count) throw new Error('the count is wrong');
  return items.map(({ service }) => service);
}

/** One child of the map over services; a step that throws is taken again. */
export class ServiceMachine {
  readonly #world: RolloutWorld;
  readonly #service: ServiceRef;
  state: 'deploy' | 'check' | 'done' = 'deploy';
  last: DeploymentAnswer | undefined;

  constructor(world: RolloutWorld, ref: ServiceRef) {
    this.#world = world;
    this.#service = ref;
  }

  async step(turns: Turns = {}): Promise<void> {
    if (this.state === 'done') return;
    const step = this.state === 'deploy' ? deploy : checkDeployment;
    const answer = await step(portsOf(this.#world, turns), LIMITS, { cascadeId: CASCADE, service: this.#service });
    this.last = answer;
    if (answer.decision === 'ended') this.state = 'done';
    else this.#sleep(answer.waitSeconds);
    if (answer.decision === 'check') this.state = 'check';
  }

  /** Step after step until a state. */
  async run(until: ServiceMachine['state'] = 'done', steps = 2000): Promise<this> {
    for (let taken = 0; taken < steps && this.state !== until && this.state !== 'done'; taken += 1) await this.step();
    if (this.state !== until) throw new Error(`the deployment is at ${this.state}, not ${until}`);
    return this;
  }

  #sleep(seconds: number): void {
    if (!(Number.isInteger(seconds) && seconds >= 1 && seconds <= 600)) throw new Error(`waits ${seconds} s`);
    this.#world.advance(seconds * 1000);
  }
}

/** The deployment that was really started last ends well. */
export function complete(world: RolloutWorld): void {
  const last = world.deployer.started.at(-1);
  if (!last) throw new Error('no deployment was started');
  world.deployer.complete(last.service, last.deploymentId);
}
