import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import type { Dice } from './dice.ts';
import type { TrueContainer } from './ecs.ts';
import type { Feature } from './features.ts';
import { HEAD_TAG, type Line, rolloutOf } from './fleet.ts';
import { referenceOf } from './images.ts';
import type { Life } from './life.ts';
import { leaveRollout, pauseAll, reportWhileStopped, restrain, restrainSide } from './restraining.ts';
import { modeOf } from './restraints.ts';
import { nameHead } from './scheduled-tasks.ts';

interface Act {
  readonly feature?: Feature;
  /** How often it is drawn beside the others. */
  readonly weight: number;
  readonly run: (life: Life, dice: Dice) => void | Promise<void>;
}

/** What people, vendors and scanners' publishers do while the fleet runs. */
const ACTS: Readonly<Record<string, Act>> = {
  flaw: { weight: 5, run: publishFlaw },
  release: { weight: 2, run: releaseVersion },
  push: { weight: 4, feature: 'pushes-by-people', run: pushByHand },
  branch: { weight: 2, feature: 'branch-images', run: pushBranch },
  deploy: { weight: 3, feature: 'deployments-by-people', run: deployByHand },
  scale: { weight: 2, feature: 'services-at-zero', run: scale },
  waive: { weight: 2, feature: 'waivers', run: waive },
};

/** These have dice and a number of their own, so that they change no draw of the others. */
const OWN_ACTS: readonly {
  readonly name: string;
  readonly feature: Feature;
  readonly most: number;
  readonly run: Act['run'];
}[] = [
  { name: 'restrain', feature: 'modes', most: 4, run: restrain },
  { name: 'leave rollout', feature: 'modes', most: 2, run: leaveRollout },
  { name: 'supersede', feature: 'deployments-roll-back', most: 3, run: supersede },
  { name: 'pause all', feature: 'kill-switch', most: 2, run: pauseAll },
  { name: 'restrain side', feature: 'side-containers', most: 2, run: restrainSide },
  { name: 'report while stopped', feature: 'modes', most: 3, run: reportWhileStopped },
];

const DRAWN = Object.entries(ACTS).flatMap(([name, { weight }]) => Array.from({ length: weight }, () => name));

/** Draws acts over some days, and ends what does not end by itself. */
export class People {
  readonly #life: Life;
  readonly #most: number;
  acts = 0;

  constructor(life: Life, most = Number.POSITIVE_INFINITY) {
    this.#life = life;
    this.#most = most;
  }

  /** Lets acts happen over so many milliseconds from now on. */
  live(milliseconds: number): void {
    const { diceFor, clockwork } = this.#life;
    const count = diceFor('acts').int(8, 40);
    for (let n = 0; n < count; n += 1) {
      const dice = diceFor(`act ${n}`);
      // Acts of whole seconds: events tell no more.
      const at = clockwork.now + Math.floor(dice.between(0, (milliseconds - HOUR_MS) / 1000)) * 1000;
      const act = ACTS[dice.pick(DRAWN)];
      if (!act || n >= this.#most || (act.feature && !this.#life.features.has(act.feature))) continue;
      clockwork.at(at, async () => {
        this.acts += 1;
        await act.run(this.#life, dice);
      });
    }
    this.#liveOwn(milliseconds);
  }

  #liveOwn(milliseconds: number): void {
    const life = this.#life;
    for (const { name, feature, most, run } of OWN_ACTS) {
      if (!life.features.has(feature)) continue;
      const dice = life.diceFor(`acts of ${name}`);
      for (let count = dice.int(1, most); count > 0; count -= 1) {
        const at = life.clockwork.now + Math.floor(dice.between(0, (milliseconds - HOUR_MS) / 1000)) * 1000;
        const own = life.diceFor(`${name} ${count}`);
        life.clockwork.at(at, () => run(life, own));
      }
    }
  }

  /** Services run again, and no person sets them to zero any more. */
  async calmDown(): Promise<void> {
    for (const end of this.#life.endings) await end();
    for (const service of this.#life.ecs.services) await this.#life.ecs.scale(service, false);
  }

  /** Where Patchwave does not deploy, or its deployment failed, the owners do, unless that changes no container. */
  deployAll(): void {
    const { lines, ecs, factory, servicesOf, policy, names, schedules } = this.#life;
    for (const { name } of schedules.all) nameHead(this.#life, name);
    for (const line of lines) {
      const rollout = rolloutOf(policy, line);
      const mode = modeOf(policy, line, [line.pipeline.account, line.runsIn.account]);
      const isOurs = mode === 'enforce' && (rollout === 'restart' || rollout === 'register');
      const head = factory.headOf(line);
      for (const service of servicesOf(line)) {
        if (isOurs && ecs.isDeployable(service) && !ecs.hasFailed(service)) continue;
        const isCurrent = ({ container, reference, image }: TrueContainer): boolean =>
          (container === names.container ? head : ecs.meaningNow(reference))?.images.includes(image) === true;
        if (!head || ecs.runningIn(service).every(isCurrent)) continue;
        ecs.beginDeployment(service, referenceOf(line, head.digest));
      }
    }
  }
}

function publishFlaw({ archive, features, clockwork, names, tell }: ReleaseContext, dice: Dice): void {
  const name = dice.pick(archive.packages);
  const [isCritical, kind, hours, isNewOnly] = [dice.chance(0.8), dice.int(1, 10), dice.int(1, 150), dice.chance(0.5)];
  const newest = archive.newest(name, clockwork.now);
  const id = names.flaw(`CVE-2026-${1000 + archive.flaws.length}`, archive.flaws.length);
  if (features.has('hostile-text')) features.note('hostile-text');
  const severity = isCritical ? 'critical' : 'high';
  const publish = (since: number, fixedIn: number | undefined, text: string): void => {
    archive.publish({
      ...{ id, package: name, severity, since, publishedAtEpochMs: clockwork.now },
      ...(fixedIn !== undefined && { fixedIn }),
    });
    tell(
      `${id} (${severity}) is published: ${name} from 1.${since}, fixed in ${fixedIn ? `1.${fixedIn}` : 'none'}, ${text}`,
    );
  };
  if (features.has('flaw-in-new-version') && isNewOnly) {
    features.note('flaw-in-new-version');
    const flawed = archive.release(name, clockwork.now);
    publish(flawed, archive.release(name, clockwork.now + hours * HOUR_MS), `which comes in ${hours} hours`);
    return;
  }
  if (features.has('fix-late') && kind <= 6) {
    features.note('fix-late');
    if (kind <= 2) publish(1, undefined, 'never');
    else publish(1, archive.release(name, clockwork.now + hours * HOUR_MS), `which comes in ${hours} hours`);
    return;
  }
  if (kind <= 5 || newest < 2) publish(1, archive.release(name, clockwork.now), 'which is there');
  else publish(1, newest, 'which is there for long');
}

type ReleaseContext = Pick<Life, 'archive' | 'features' | 'clockwork' | 'names'> & {
  readonly tell: (text: string) => void;
};

function releaseVersion({ archive, clockwork, tell }: ReleaseContext, dice: Dice): void {
  const name = dice.pick(archive.packages);
  tell(`${name} 1.${archive.release(name, clockwork.now)} is released`);
}

function pushByHand(life: Life, dice: Dice): void {
  const line = dice.pick(life.lines);
  const fromCache = dice.chance(0.4);
  const made = life.factory.build(line, [HEAD_TAG], { readAtEpochMs: life.clockwork.now, fromCache });
  if (!made) return;
  life.features.note('pushes-by-people');
  life.tell(
    `${line.name}: its team pushes ${made.name}${fromCache ? ' with its cache' : ''} on ${life.factory.parentFor(line)?.name ?? 'nothing'}`,
  );
}

function pushBranch(life: Life, dice: Dice): void {
  const line = dice.pick(life.lines);
  const n = dice.int(1, 9);
  const made = life.factory.build(line, [life.names.branchTag(`branch-${n}`, n)], {
    readAtEpochMs: life.clockwork.now,
    fromCache: false,
  });
  if (!made) return;
  life.features.note('branch-images');
  life.tell(`${line.name}: its team pushes ${made.name} from a branch`);
}

async function deployByHand(life: Life, dice: Dice): Promise<void> {
  const { ecs, factory, features } = life;
  if (ecs.services.length === 0) return;
  const service = dice.pick(ecs.services);
  const line = life.lineOfService(service) as Line;
  const [kind, isByDigest] = [dice.int(1, 3), dice.chance(0.5)];
  features.note('deployments-by-people');
  const made = factory.madeBy(line.name);
  const chosen = kind === 1 ? dice.pick(made) : factory.headOf(line);
  if (!chosen || kind === 3) return ecs.deployByHand(service);
  const reference = referenceOf(line, kind === 1 || isByDigest ? chosen.digest : HEAD_TAG);
  await ecs.deployByHand(service, reference);
}

/** Its team deploys a service while Patchwave does. */
async function supersede(life: Life, dice: Dice): Promise<void> {
  const { ecs, factory, clockwork } = life;
  const [isHotfix, seconds] = [dice.chance(0.5), dice.int(0, 400)];
  for (let polls = 0; polls < 1500; polls += 1) {
    const going = ecs.deployments.find(({ by, state }) => by === 'Patchwave' && state === 'running');
    const line = going && life.lineOfService(going.service);
    if (going && line) {
      await clockwork.sleep(seconds * 1000);
      const made = isHotfix
        ? factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false })
        : undefined;
      await ecs.deployByHand(going.service, made && referenceOf(line, made.digest));
      return;
    }
    await clockwork.sleep(60_000);
  }
}

async function scale(life: Life, dice: Dice): Promise<void> {
  if (life.ecs.services.length === 0) return;
  const service = dice.pick(life.ecs.services);
  life.features.note('services-at-zero');
  await life.ecs.scale(service, !life.ecs.isAtZero(service));
}

async function waive(life: Life, dice: Dice): Promise<void> {
  const { archive, lines, policy, features, clockwork } = life;
  const [line, days] = [dice.pick(lines), dice.int(1, 20)];
  if (archive.flaws.length === 0) return;
  const { id: finding } = dice.pick(archive.flaws);
  const day = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);
  const waiver = {
    ...{ id: `waiver-${policy.waivers.length + 1}`, finding, reason: 'the risk is accepted', author: 'a person' },
    scope: { repositories: [line.location.repository] },
    ...{ created: day(clockwork.now), expires: day(clockwork.now + days * DAY_MS) },
  };
  features.note('waivers');
  life.tell(`${line.name}: ${finding} is waived for ${days} days`);
  await life.publishPolicy({ ...policy, waivers: [...policy.waivers, waiver] });
}
