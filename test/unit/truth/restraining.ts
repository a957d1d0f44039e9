import type { Mode } from '../../../shared/domain/policy/policy.ts';
import { HOUR_MS } from '../../support/samples.ts';
import type { Dice } from './dice.ts';
import { AWAY, HEAD_TAG, HUB, homesOf, type Line, NEAR, type PolicyState, type TrueTier } from './fleet.ts';
import { referenceOf } from './images.ts';
import type { Life } from './life.ts';

/* What the platform team and the owners do to hold Patchwave back for a while, or for good. */

/** One stream, one tier or one account is only reported on, or paused. */
export async function restrain(life: Life, dice: Dice): Promise<void> {
  const { lines } = life;
  const [kind, mode, isWhileBuilding, isForGood, hours] = [
    dice.int(1, 8),
    dice.pick(['report-only', 'paused'] as const),
    dice.chance(0.6),
    dice.chance(0.3),
    dice.int(1, 40),
  ];
  const middle = lines.filter(({ tier }) => tier === 'platform');
  const line = dice.pick(kind <= 3 ? middle : lines);
  const tier = dice.pick(['base', 'platform', 'platform', 'application'] as const);
  const account = dice.pick(homesOf(lines).map((home) => home.account));
  if (isWhileBuilding) await aBuild(life);
  const [what, set] =
    kind <= 5 ? settingLine(line, mode) : kind === 6 ? settingTier(tier, mode) : settingAccount(account, mode);
  await hold(life, { what: `${what} is ${mode}`, hours: isForGood ? undefined : hours, set });
}

/** The line of a second container is only reported on or paused, or its owner wants no deployment of Patchwave. */
export async function restrainSide(life: Life, dice: Dice): Promise<void> {
  const [kind, isWhileBuilding, isForGood, hours] = [
    dice.pick(['report-only', 'paused', 'none'] as const),
    dice.chance(0.6),
    dice.chance(0.3),
    dice.int(1, 40),
  ];
  if (life.sides.size === 0) return;
  const line = dice.pick([...life.sides]);
  if (isWhileBuilding) await aBuild(life);
  const [what, set] = kind === 'none' ? settingRollout(line) : settingLine(line, kind);
  await hold(life, { what: `${what} is ${kind}`, hours: isForGood ? undefined : hours, set });
}

/** The owner of an application wants no deployment of Patchwave for a while. */
export async function leaveRollout(life: Life, dice: Dice): Promise<void> {
  const [isWhileBuilding, hours] = [dice.chance(0.6), dice.int(1, 40)];
  const line = dice.pick(life.lines.filter(({ tier }) => tier === 'application'));
  if (isWhileBuilding) await aBuild(life);
  const [what, set] = settingRollout(line);
  await hold(life, { what: `${what} is none`, hours, set });
}

/** A person stops everything for some hours; meanwhile teams may deploy what they built by themselves. */
export async function pauseAll(life: Life, dice: Dice): Promise<void> {
  const [isWhileBuilding, hours] = [dice.chance(0.6), dice.int(1, 20)];
  const [isHotfixed, minutes] = [dice.chance(0.6), dice.int(5, 59)];
  if (isWhileBuilding) await aBuild(life);
  if (isHotfixed) life.clockwork.in((minutes * HOUR_MS) / 60, () => hotfix(life, dice));
  life.tell(`a person stops everything for ${hours} hours`);
  await life.pause(true);
  endsIn(life, hours, async () => {
    life.tell('a person lets everything go on');
    await life.pause(false);
  });
}

/**
 * A person stops everything while an application is built, and then makes the application, or the account where it runs,
 * report-only: what waits to be deployed there may not be deployed once the stop ends.
 */
export async function reportWhileStopped(life: Life, dice: Dice): Promise<void> {
  const [isAccount, minutes, stoppedHours, hours] = [
    dice.chance(0.5),
    dice.int(30, 90),
    dice.int(2, 6),
    dice.int(12, 40),
  ];
  const isDeployed = (line: Line): boolean => ['restart', 'register'].includes(line.rollout) && line.services > 0;
  if (!life.features.has('kill-switch') || !life.lines.some(isDeployed)) return;
  const line = await aBuild(life, isDeployed);
  if (!line) return;
  life.tell(`a person stops everything for ${stoppedHours} hours`);
  await life.pause(true);
  endsIn(life, stoppedHours, () => life.pause(false));
  await life.clockwork.sleep((minutes * HOUR_MS) / 60);
  const [what, set] = isAccount ? settingAccount(line.runsIn.account, 'report-only') : settingLine(line, 'report-only');
  await hold(life, { what: `${what} is report-only`, hours, set });
}

/** A team builds its application, and deploys exactly that. */
async function hotfix({ ecs, factory, clockwork, lineOfService }: Life, dice: Dice): Promise<void> {
  const service = ecs.services.length > 0 ? dice.pick(ecs.services) : undefined;
  const line = service === undefined ? undefined : lineOfService(service);
  if (service === undefined || !line) return;
  const made = factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
  if (made) await ecs.deployByHand(service, referenceOf(line, made.digest));
}

interface FactStatus {
  readonly what: string;
  /** Absent where it stays so. */
  readonly hours: number | undefined;
  readonly set: Setting;
}

type Setting = (policy: PolicyState, isHeld: boolean) => PolicyState;

async function hold(life: Life, { what, hours, set }: FactStatus): Promise<void> {
  life.tell(`${what}${hours === undefined ? ' from now on' : ` for ${hours} hours`}`);
  await life.publishPolicy(set(life.policy, true));
  if (hours === undefined) return;
  endsIn(life, hours, async () => {
    life.tell(`no longer: ${what}`);
    await life.publishPolicy(set(life.policy, false));
  });
}

function endsIn({ clockwork, endings }: Life, hours: number, end: () => Promise<void>): void {
  let hasEnded = false;
  const once = async (): Promise<void> => {
    if (hasEnded) return;
    hasEnded = true;
    await end();
  };
  endings.push(once);
  clockwork.in(hours * HOUR_MS, once);
}

const settingLine = ({ name }: Line, mode: Mode): readonly [string, Setting] => [
  name,
  (policy, isHeld) => ({ ...policy, modes: changed(policy.modes, name, isHeld ? mode : undefined) }),
];

const settingRollout = ({ name }: Line): readonly [string, Setting] => [
  `rollout of ${name}`,
  (policy, isHeld) => ({ ...policy, rollouts: changed(policy.rollouts, name, isHeld ? 'none' : undefined) }),
];

const settingTier = (tier: TrueTier, mode: Mode): readonly [string, Setting] => [
  `tier ${tier}`,
  (policy, isHeld) => ({ ...policy, tiers: changed(policy.tiers, tier, isHeld ? mode : undefined) }),
];

const settingAccount = (account: string, mode: Mode): readonly [string, Setting] => [
  `account ${NAMES.get(account)}`,
  (policy, isHeld) => ({ ...policy, accounts: changed(policy.accounts, account, isHeld ? mode : undefined) }),
];

const NAMES = new Map([
  [HUB.account, 'hub'],
  [NEAR.account, 'near'],
  [AWAY.account, 'away'],
]);

function changed<Key, Value>(all: ReadonlyMap<Key, Value>, key: Key, value: Value | undefined): Map<Key, Value> {
  const after = new Map(all);
  if (value === undefined) after.delete(key);
  else after.set(key, value);
  return after;
}

const POLL_MS = HOUR_MS / 12;
const MOST_POLLS = 12 * 24;

/**
 * Waits until a build of Patchwave runs, so that what comes next falls into a cascade; a day at most.
 * @returns the line that is built, if any is
 */
export async function aBuild(
  { pipelines, clockwork }: Life,
  isOne: (line: Line) => boolean = () => true,
): Promise<Line | undefined> {
  for (let polls = 0; polls < MOST_POLLS; polls += 1) {
    const run = pipelines.runs.find(({ state, line }) => state === 'running' && isOne(line));
    if (run) return run.line;
    await clockwork.sleep(POLL_MS);
  }
  return undefined;
}
