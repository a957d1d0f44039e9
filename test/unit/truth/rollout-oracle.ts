import type { Deployment } from '../../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../shared/domain/common/time.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { Flaw } from './archive.ts';
import type { TrueDeployment } from './ecs.ts';
import { type Line, rolloutOf } from './fleet.ts';
import type { TrueArtifact, TrueImage } from './images.ts';
import type { Life } from './life.ts';
import { callSpan, heldThroughout, modeOf, whyHeld } from './restraints.ts';

/** Patchwave asks how a deployment goes every minute or so. */
const SEEN_FAILED_MS = 10 * MINUTE_MS;

export interface RolloutOracleWorld {
  readonly life: Life;
  readonly check: (statement: string) => void;
  readonly violated: (text: string) => void;
  /** What violates the policy in an image, of all that scanners know at an instant. */
  readonly violatingIn: (image: TrueImage, atEpochMs: number) => readonly Flaw[];
  readonly isLeftToOwner: (image: TrueImage, flaw: Flaw) => boolean;
}

/** Compares each deployment of Patchwave with what people said, with what they deployed, and with what was verified. */
export class RolloutOracle {
  readonly #with: RolloutOracleWorld;
  readonly #ofCascade = new Map<string, readonly TrueDeployment[]>();
  /** Outputs of rebuilds that the ledger calls `fixed`. */
  readonly #verified = new Set<Digest>();

  /** Deployments of an image that was gone: the note asks the owner of the service to copy the image and to deploy it. */
  readonly #leftToCopy: Deployment[] = [];

  constructor(world: RolloutOracleWorld) {
    this.#with = world;
  }

  fixed({ output }: Rebuild): void {
    if (output) this.#verified.add(output);
  }

  async deployed(deployment: TrueDeployment): Promise<void> {
    const { life, violated } = this.#with;
    const line = life.lineOfService(deployment.service);
    if (!line) return;
    const name = `Patchwave deploys ${deployment.artifact?.name ?? deployment.reference} in ${deployment.service}`;
    const earlier = life.ecs.deployments.filter((one) => one !== deployment && one.service === deployment.service);
    // What it replaced unseen it deploys again: that is a revision of a person.
    if (isPutBack(deployment, earlier)) return;
    const problems = [
      this.#restrained(deployment, line),
      this.#unverified(deployment, line),
      this.#repeated(deployment, earlier),
      await this.#overwrites(deployment, earlier),
    ];
    for (const problem of problems) if (problem) violated(`${name}, ${problem}`);
  }

  /** What the ledger says of a deployment is what ECS did. */
  recorded(before: Deployment | undefined, after: Deployment): void {
    const { life, check, violated } = this.#with;
    if (after.state === 'refused' && after.detail?.startsWith('not-in-registry')) this.#leftToCopy.push(after);
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
    const { account } = life.ecs.refOf(real.service);
    for (const other of this.#ofCascade.get(cascadeId) ?? []) {
      if (other.state !== 'failed' || life.ecs.refOf(other.service).account !== account) continue;
      check('nothing more is deployed where a deployment failed');
      if ((other.endedAtEpochMs ?? 0) + SEEN_FAILED_MS < real.atEpochMs)
        violated(`${name} began though that in ${other.service} had failed in the same cascade`);
    }
    this.#ofCascade.set(cascadeId, [...(this.#ofCascade.get(cascadeId) ?? []), real]);
  }

  /** The modes, the rollout and the switch in force: it may only be deployed where all of them let it. */
  #restrained({ service }: TrueDeployment, line: Line): string | undefined {
    const { life, check } = this.#with;
    check('deploys only where people let it');
    const { account } = life.ecs.refOf(service);
    return heldThroughout(life.restraints, callSpan(life), (restraints) => {
      const rollout = rolloutOf(restraints.policy, line);
      const isOurs = rollout === 'restart' || rollout === 'register';
      const held = whyHeld(restraints, line, [line.pipeline.account, account]);
      return held ?? (isOurs ? undefined : `though its rollout is ${rollout}`);
    });
  }

  #unverified({ artifact, atEpochMs, service }: TrueDeployment, line: Line): string | undefined {
    const { life, check, violatingIn } = this.#with;
    if (!artifact) return 'which is no image of the registry';
    check('deploys the line that a container runs');
    if (artifact.line !== line.name) return `which is of ${artifact.line}, and the service runs ${line.name}`;
    check('deploys only what was verified');
    const unjudged = artifact.images.find(({ digest }) => {
      const record = life.world.images.records.get(digest);
      return !record?.verdict || record.scan.completedAtEpochMs === undefined;
    });
    const isVerified = [artifact.digest, ...artifact.images.map(({ digest }) => digest)].some((digest) =>
      this.#verified.has(digest),
    );
    if (unjudged && !isVerified) return `and nobody verified or judged ${unjudged.name}`;
    const had = new Set(
      life.ecs.runningIn(service).flatMap(({ image }) => violatingIn(image, atEpochMs).map(({ id }) => id)),
    );
    const has = this.#knownIn(artifact);
    const isGain = [...had].some((id) => !has.some((flaw) => flaw.id === id));
    const added = has.find(({ id }) => !had.has(id));
    return added && had.size > 0 && !isGain
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
   * Once for each output, unless it failed, or somebody else deployed the service since. Where no event told in time when the tag
   * moved, its history does not show what the tasks pulled: a cause that comes in before a review has read what runs then
   * restarts the service once more.
   */
  #repeated({ artifact }: TrueDeployment, earlier: readonly TrueDeployment[]): string | undefined {
    const { life, check } = this.#with;
    check('deploys an output once');
    const last = earlier.at(-1);
    const isAgain = last?.by === 'Patchwave' && last.state !== 'failed' && last.artifact === artifact;
    const isRead = last !== undefined && last.atEpochMs + HOUR_MS < life.reviewBeganAtEpochMs;
    const isPushReported = !life.features.has('events-lost') && !life.features.has('events-late');
    return isAgain && (isRead || isPushReported) ? 'and deployed that before' : undefined;
  }

  /** What a team deployed stays, unless the ledger knew that it runs. */
  async #overwrites(deployment: TrueDeployment, earlier: readonly TrueDeployment[]): Promise<string | undefined> {
    const { life, check } = this.#with;
    const theirs = earlier.at(-1);
    if (theirs?.by !== 'team' || theirs.state === 'failed' || !theirs.artifact) return undefined;
    check("a team's own deployment wins");
    // What a tag means follows the tag. A team that deployed a tag gets what that means now with each new task anyway, so a
    // revision that names just that image takes nothing from it; a hotfix that is named by its digest never means another image.
    const followsTag =
      theirs.reference === deployment.reference || life.ecs.meaningNow(theirs.reference) === deployment.artifact;
    if (theirs.artifact === deployment.artifact || followsTag) return undefined;
    const { images, digest } = theirs.artifact;
    // At zero and back, its tasks asked for what the tag meant by then.
    const isGone = !life.ecs.runningIn(deployment.service).some(({ image }) => images.includes(image));
    if (theirs.state === 'completed' && isGone) return undefined;
    const known = await Promise.all(
      [digest, ...images.map((image) => image.digest)].map((one) => life.world.usages.ofImage(one)),
    );
    if (known.flat().some(({ workload }) => workload === deployment.service)) return undefined;
    return `over ${theirs.artifact.name}, which its team deployed at ${new Date(theirs.atEpochMs).toISOString()} and which was never seen there`;
  }

  /** At rest each service that Patchwave may deploy runs what was made for it. */
  atRest(): void {
    const { life, check, violated, violatingIn, isLeftToOwner } = this.#with;
    const now = life.clockwork.now;
    for (const service of life.ecs.services) {
      const line = life.lineOfService(service);
      if (!line || life.ecs.isAtZero(service) || life.isOutOfSight(service)) continue;
      const { account } = life.ecs.refOf(service);
      const [rollout, mode] = [
        rolloutOf(life.policy, line),
        modeOf(life.policy, line, [line.pipeline.account, account]),
      ];
      if (mode !== 'enforce' || (rollout !== 'restart' && rollout !== 'register')) continue;
      const runs = life.ecs.runningIn(service);
      const isPinned = rollout === 'restart' && runs.some(({ reference }) => reference.includes('@'));
      const head = life.factory.headOf(line);
      // A team that went back from what Patchwave deployed meant to.
      const own = life.ecs.deployments.filter((one) => one.service === service);
      const wentBack =
        own.at(-1)?.by === 'team' && own.some(({ by, artifact }) => by === 'Patchwave' && artifact === head);
      const isLeftToCopy = this.#leftToCopy.some(
        ({ service: key, detail }) => key.endsWith(`/${service}`) && head && detail?.includes(head.digest),
      );
      if (!head || isLeftToCopy || wentBack || isPinned || life.ecs.hasFailed(service) || !this.#isClean(head))
        continue;
      check('what Patchwave may deploy does not stay behind');
      for (const { image, shown } of runs) {
        // That image is unknown.
        if (shown !== 'digest') continue;
        const flaw = violatingIn(image, now - 2 * DAY_MS).find((one) => !isLeftToOwner(image, one));
        if (flaw && !head.images.includes(image))
          violated(`${service} still runs ${image.name}, which has ${flaw.id}, and ${head.name} has nothing`);
      }
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
