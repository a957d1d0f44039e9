import type { ServiceDocument } from '../../../functions/rollout/service-file.ts';
import type { Deployment } from '../../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import type { Flaw } from './archive.ts';
import type { DeployedContainer, TrueContainer, TrueDeployment } from './ecs.ts';
import { HEAD_TAG, rolloutOf } from './fleet.ts';
import type { TrueArtifact, TrueImage } from './images.ts';
import type { Life } from './life.ts';
import { callSpan, heldThroughout, modeOf, whyHeld } from './restraints.ts';
import { nameOfService, planFileOf, serviceOf } from './rules.ts';

const MINUTE_MS = 60_000;

/** Patchwave asks how a deployment goes every minute or so. */
const SEEN_FAILED_MS = 10 * MINUTE_MS;
/** Push events have whole seconds, and the clock of ECR is not that of ECS. */
const SKEW_MS = 2_000;
/** The review of the next day may begin later, and take longer. */
const REFUSED_WITHIN_MS = 2 * DAY_MS;

export interface RolloutOracleWorld {
  readonly life: Life;
  readonly check: (statement: string) => void;
  readonly violated: (text: string) => void;
  /** What violates the policy in an image, of all that scanners know at an instant. */
  readonly violatingIn: (image: TrueImage, atEpochMs: number) => readonly Flaw[];
  readonly isLeftToOwner: (image: TrueImage, flaw: Flaw) => boolean;
  /** Whether a scan shows that an image lacks a flaw, if it does. */
  readonly isCovered: (image: TrueImage, flaw: Flaw) => boolean;
}

/** Compares each deployment of Patchwave with what people said, with what they deployed, and with what was verified. */
export class RolloutOracle {
  readonly #with: RolloutOracleWorld;
  readonly #ofCascade = new Map<string, readonly TrueDeployment[]>();
  /** Outputs of rebuilds that the ledger calls `fixed`. */
  readonly #verified = new Set<Digest>();

  /** Deployments of an image that was gone: the note asks the owner of the service to copy the image and to deploy it. */
  readonly #leftToCopy: Deployment[] = [];

  /** By service what the ledger said last of a deployment of it. */
  readonly #last = new Map<string, Deployment>();

  constructor(world: RolloutOracleWorld) {
    this.#with = world;
  }

  fixed({ output }: Rebuild): void {
    if (output) this.#verified.add(output);
  }

  async deployed(deployment: TrueDeployment): Promise<void> {
    const { life, violated } = this.#with;
    const name = `Patchwave deploys ${deployment.artifact?.name ?? deployment.reference} in ${deployment.service}`;
    const earlier = life.ecs.deployments.filter((one) => one !== deployment && one.service === deployment.service);
    // What it replaced unseen it deploys again: that is a revision of a person.
    if (isPutBack(deployment, earlier)) return;
    if (deployment.containers.length > 1) life.features.note('side-containers');
    const planned = await this.#plannedIn(deployment);
    const problems = [
      ...deployment.containers.map((one) => this.#restrained(deployment, one, planned)),
      ...deployment.containers
        .filter(({ container }) => planned.has(container))
        .map((one) => this.#unverified(deployment, one)),
      this.#repeated(deployment, earlier),
      ...(await Promise.all(deployment.containers.map((one) => this.#overwrites(deployment, one, earlier)))),
    ];
    for (const problem of problems) if (problem) violated(`${name}, ${problem}`);
  }

  /** The containers for which a cascade deploys a service; the others only start again with them. */
  async #plannedIn({ service, deploymentId, containers }: TrueDeployment): Promise<ReadonlySet<string>> {
    const { cascades, rollouts, runFiles } = this.#with.life.world;
    const ref = this.#with.life.ecs.refOf(service);
    for await (const { cascadeId } of cascades.open()) {
      const known = await rollouts.deployment(cascadeId, nameOfService(ref));
      if (known?.state !== 'starting' && known?.deploymentId !== deploymentId) continue;
      const document = (await runFiles.get(planFileOf(cascadeId, ref))) as ServiceDocument;
      return new Set(document.containers.map(({ container }) => container));
    }
    return new Set(containers.map(({ container }) => container));
  }

  /** What the ledger says of a deployment is what ECS did. */
  recorded(before: Deployment | undefined, after: Deployment): void {
    const { life, check, violated } = this.#with;
    this.#last.set(after.service, after);
    if (after.state === 'refused' && after.detail?.startsWith('not-in-registry')) this.#leftToCopy.push(after);
    if (after.state === 'refused' && after.detail?.startsWith('other-container')) life.features.note('side-containers');
    const real = life.ecs.deployments.find(({ deploymentId }) => deploymentId === after.deploymentId);
    if (!real || after.state === before?.state) return;
    const name = `the deployment of ${real.artifact?.name ?? real.reference} in ${real.service}`;
    if (after.state === 'completed') {
      check('completed is true of a deployment');
      if (real.state !== 'completed') violated(`${name} is called completed, and is ${real.state}`);
    }
    if (after.state === 'rolled-back') {
      check('rolled back is true of a deployment');
      if (real.state !== 'failed') violated(`${name} is called rolled back, and is ${real.state}`);
    }
    if (after.state === 'running') this.#afterFailure(real, after.cascadeId, name);
  }

  /** Where a deployment of a cascade failed, no further one of it begins in the same cluster. */
  #afterFailure(real: TrueDeployment, cascadeId: string, name: string): void {
    const { life, check, violated } = this.#with;
    const { account, cluster } = life.ecs.refOf(real.service);
    for (const other of this.#ofCascade.get(cascadeId) ?? []) {
      const where = life.ecs.refOf(other.service);
      if (other.state !== 'failed' || where.account !== account || where.cluster !== cluster) continue;
      check('nothing more is deployed where a deployment failed');
      if ((other.endedAtEpochMs ?? 0) + SEEN_FAILED_MS < real.atEpochMs)
        violated(`${name} began though that in ${other.service} had failed in the same cascade`);
    }
    this.#ofCascade.set(cascadeId, [...(this.#ofCascade.get(cascadeId) ?? []), real]);
  }

  /**
   * The modes, the rollout and the switch in force: it may only be deployed where all of them let it. That is asked of each
   * container for which it is deployed, and of each that gets another image with it.
   */
  #restrained(
    { service }: TrueDeployment,
    { container, reference, artifact }: DeployedContainer,
    planned: ReadonlySet<string>,
  ): string | undefined {
    const { life, check } = this.#with;
    const line = life.lineOfReference(reference);
    if (!line) return undefined;
    if (!planned.has(container) && !this.#isNewIn(service, container, artifact)) return undefined;
    check('deploys only where people let it');
    const { account } = life.ecs.refOf(service);
    const why = heldThroughout(life.restraints, callSpan(life), (restraints) => {
      const rollout = rolloutOf(restraints.policy, line);
      const isOurs = rollout === 'restart' || rollout === 'register';
      const held = whyHeld(restraints, line, [line.pipeline.account, account]);
      return held ?? (isOurs ? undefined : `though its rollout is ${rollout}`);
    });
    return why && `${why}, which is asked of ${line.name} in container ${container}`;
  }

  /** Whether tasks that start now run another image in a container than those that run. */
  #isNewIn(service: string, container: string, artifact: TrueArtifact | undefined): boolean {
    const runs = this.#with.life.ecs.runningIn(service).filter((one) => one.container === container);
    return !runs.every(({ image }) => artifact?.images.includes(image));
  }

  #unverified(
    { atEpochMs, service }: TrueDeployment,
    { container, reference, artifact }: DeployedContainer,
  ): string | undefined {
    const { life, check, violatingIn } = this.#with;
    if (!artifact) return 'which is no image of the registry';
    check('deploys the line that a container runs');
    const line = life.lineOfReference(reference);
    if (artifact.line !== line?.name) return `which is of ${artifact.line}, and the service runs ${line?.name}`;
    check('deploys only what was verified');
    const unjudged = artifact.images.find(({ digest }) => {
      const record = life.world.images.records.get(digest);
      return !record?.verdict || record.scan.completedAtEpochMs === undefined;
    });
    const isVerified = [artifact.digest, ...artifact.images.map(({ digest }) => digest)].some((digest) =>
      this.#verified.has(digest),
    );
    if (unjudged && !isVerified) return `and ${unjudged.name} is neither verified nor judged`;
    const runs = life.ecs.runningIn(service).filter((one) => one.container === container);
    const had = new Set(runs.flatMap(({ image }) => violatingIn(image, atEpochMs).map(({ id }) => id)));
    const has = this.#knownIn(artifact);
    const isGain = [...had].some((id) => !has.some((flaw) => flaw.id === id));
    const added = has.find(({ id }) => !had.has(id));
    // Where ECS reports no digest, the ledger can only guess what runs. A restart gives it what each new task gets anyway.
    const isHidden = runs.some(({ shown }) => shown !== 'digest') && life.ecs.meaningNow(reference) === artifact;
    return added && had.size > 0 && !isGain && !isHidden
      ? `which has ${added.id} that nothing there has, and fixes nothing`
      : undefined;
  }

  /** What violates the policy in an artifact, of all that its scans could find. */
  #knownIn({ images }: TrueArtifact): readonly Flaw[] {
    const { life, violatingIn } = this.#with;
    return images.flatMap((image) =>
      violatingIn(image, life.world.images.records.get(image.digest)?.scan.completedAtEpochMs ?? 0),
    );
  }

  /**
   * Once for each output, unless it failed, or somebody else deployed the service since. If no event reported in time when the
   * tag moved, its history does not show what the tasks pulled: a cause that comes in before a review has read what runs then
   * restarts the service once more.
   */
  #repeated({ containers }: TrueDeployment, earlier: readonly TrueDeployment[]): string | undefined {
    const { life, check } = this.#with;
    check('deploys an output once');
    const last = earlier.at(-1);
    // To name by its digest what a tag means already is done once, too: tasks that start later keep the image.
    const isSame = containers.every(({ artifact, reference }, n) => {
      const before = last?.containers[n];
      return before?.artifact === artifact && before?.reference === reference;
    });
    const isAgain = last?.by === 'Patchwave' && last.state !== 'failed' && isSame;
    const readAtEpochMs = life.fleetReadings.at(-1)?.beganAtEpochMs ?? 0;
    const isRead = last !== undefined && last.atEpochMs + HOUR_MS < readAtEpochMs;
    const isPushReported = !life.features.has('events-lost') && !life.features.has('events-late');
    return isAgain && (isRead || isPushReported) ? 'and deployed that before' : undefined;
  }

  /** What a team deployed stays, unless the ledger knew that it runs. */
  async #overwrites(
    { service }: TrueDeployment,
    { container, reference, artifact }: DeployedContainer,
    earlier: readonly TrueDeployment[],
  ): Promise<string | undefined> {
    const { life, check } = this.#with;
    const last = earlier.at(-1);
    const theirs = last?.containers.find((one) => one.container === container);
    if (last?.by !== 'team' || last.state === 'failed' || !theirs?.artifact) return undefined;
    check("a team's own deployment wins");
    // What a tag means follows the tag. A team that deployed a tag gets what that means now with each new task anyway, so a
    // revision that names just that image takes nothing from it; a hotfix that is named by its digest never means another image.
    const followsTag = theirs.reference === reference || life.ecs.meaningNow(theirs.reference) === artifact;
    if (theirs.artifact === artifact || followsTag) return undefined;
    const { images, digest } = theirs.artifact;
    // At zero and back, its tasks asked for what the tag meant by then.
    const isGone = !life.ecs.runningIn(service).some(({ image }) => images.includes(image));
    if (last.state === 'completed' && isGone) return undefined;
    const known = await Promise.all(
      [digest, ...images.map((image) => image.digest)].map((one) => life.world.usages.ofImage(one)),
    );
    if (known.flat().some((usage) => serviceOf(usage) === service)) return undefined;
    return `over ${theirs.artifact.name}, which its team deployed at ${new Date(last.atEpochMs).toISOString()} and which was never seen there`;
  }

  /** At rest each service that Patchwave may deploy runs what was made for it. */
  async atRest(): Promise<void> {
    const { life } = this.#with;
    for (const service of life.ecs.services) {
      if (life.ecs.isAtZero(service) || life.isOutOfSight(service) || life.ecs.hasFailed(service)) continue;
      const containers = [...Map.groupBy(life.ecs.runningIn(service), ({ container }) => container)];
      const { containers: defined } = await life.ecs.deployer.describe(life.ecs.refOf(service));
      const states = containers.map(([container, runs]) => {
        const { image = '' } = defined.find(({ name }) => name === container) ?? {};
        return this.#containerAtRest(service, container, image, runs);
      });
      // All containers of a service are deployed together, or none.
      if (states.some((one) => one?.holdsBack)) continue;
      const hidden = await Promise.all(containers.map(([, runs]) => this.#isRefusedUnseen(service, runs)));
      if (hidden.includes(true)) continue;
      for (const one of states) if (one?.mayBeDeployed) this.#behind(service, one);
    }
  }

  /** @param defined its image in the definition: in Kubernetes also that of a deployment that failed */
  #containerAtRest(service: string, container: string, defined: string, runs: readonly TrueContainer[]) {
    const { life } = this.#with;
    const [{ reference } = { reference: '' }] = runs;
    const line = life.lineOfReference(reference);
    const head = line && life.factory.headOf(line);
    if (!line || !head) return undefined;
    const { account } = life.ecs.refOf(service);
    const rollout = rolloutOf(life.policy, line);
    const mode = modeOf(life.policy, line, [line.pipeline.account, account]);
    const isOurs =
      mode === 'enforce' && (rollout === 'restart' || rollout === 'register') && life.ecs.isDeployable(service);
    const isPinned =
      rollout === 'restart' && [defined, ...runs.map((one) => one.reference)].some((one) => one.includes('@'));
    // A team that went back from what Patchwave deployed meant to.
    const own = life.ecs.deployments.filter((one) => one.service === service);
    const wasOurs = ({ by, containers }: TrueDeployment): boolean =>
      by === 'Patchwave' && containers.some((one) => one.container === container && one.artifact === head);
    const wentBack = own.at(-1)?.by === 'team' && own.some(wasOurs);
    // In Kubernetes the template of a team's rollout that failed stays: it is still their deployment.
    const isStuck =
      own.at(-1)?.by === 'team' && own.at(-1)?.state === 'failed' && runs.every((one) => one.reference !== defined);
    const isLeftToCopy = this.#leftToCopy.some(
      ({ service: key, detail }) => key.endsWith(`/${service}`) && detail?.includes(head.digest),
    );
    const mayBeDeployed = isOurs && !isPinned && !wentBack && !isStuck && !isLeftToCopy;
    const isBehind = runs.some(({ image }) => !head.images.includes(image));
    // A stream that may not act is in no cascade, and a deployment changes no image that is named by its digest.
    const isKept = mode !== 'enforce' && runs.every((one) => one.reference.includes('@'));
    return { head, runs, mayBeDeployed, holdsBack: isBehind && !mayBeDeployed && !isKept };
  }

  /**
   * A restart could give a container an image that the policy forbids, because Patchwave does not know that it runs that image
   * already: ECS reports none of its digests, and no push event before the current deployment names the image. The ledger
   * must say so in the refusal of the service.
   */
  async #isRefusedUnseen(service: string, runs: readonly TrueContainer[]): Promise<boolean> {
    const { life } = this.#with;
    const { ecs, policy, world, factory, clockwork } = life;
    const [{ reference, container } = { reference: '', container: '' }] = runs;
    const line = life.lineOfReference(reference);
    const head = line && factory.headOf(line);
    if (!line || !head || runs.some(({ shown }) => shown === 'digest')) return false;
    const ref = ecs.refOf(service);
    const { state, detail = '', endedAtEpochMs = 0 } = this.#last.get(nameOfService(ref)) ?? {};
    const isNamed = detail.includes(` container ${container} with the image that "${reference}" names now.`);
    if (state !== 'refused' || !detail.startsWith('other-container: ') || !isNamed) return false;
    // Each review plans the service again.
    if (endedAtEpochMs < clockwork.now - REFUSED_WITHIN_MS) return false;
    const mode = modeOf(policy, line, [line.pipeline.account, ref.account]);
    const restraint = mode === 'enforce' ? `rollout: ${rolloutOf(policy, line)}` : `mode: ${mode}`;
    if (!detail.includes(`${line.stream} has \`${restraint}\`.`)) return false;
    const { deployments } = await ecs.deployer.describe(ref);
    const sinceEpochMs = deployments.find(({ isPrimary }) => isPrimary)?.createdAtEpochMs ?? 0;
    const recorded = (await world.places.pushesOf(line.location, HEAD_TAG)).at(-1);
    return recorded?.digest !== head.digest || recorded.atEpochMs > sinceEpochMs - SKEW_MS;
  }

  #behind(
    service: string,
    { head, runs }: { readonly head: TrueArtifact; readonly runs: readonly TrueContainer[] },
  ): void {
    const { life, check, violated, violatingIn, isLeftToOwner, isCovered } = this.#with;
    if (!this.#isClean(head)) return;
    check('what Patchwave may deploy does not stay behind');
    for (const { image, shown } of runs) {
      // That image is unknown.
      if (shown !== 'digest') continue;
      const flaw = violatingIn(image, life.clockwork.now - 2 * DAY_MS).find((one) => !isLeftToOwner(image, one));
      if (flaw && !head.images.includes(image) && head.images.every((one) => isCovered(one, flaw)))
        violated(`${service} still runs ${image.name}, which has ${flaw.id}, and ${head.name} has nothing`);
    }
  }

  #isClean = ({ images }: TrueArtifact): boolean =>
    images.every((image) => this.#with.violatingIn(image, this.#with.life.clockwork.now).length === 0);
}

/** A revision that a team deployed before, and that ours had replaced. */
const isPutBack = ({ taskDefinition }: TrueDeployment, earlier: readonly TrueDeployment[]): boolean => {
  const [theirs, ours] = earlier.slice(-2);
  return (
    theirs?.by === 'team' &&
    ours?.by === 'Patchwave' &&
    ours.taskDefinition !== taskDefinition &&
    theirs.taskDefinition === taskDefinition
  );
};
