import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { diceOf } from './dice.ts';
import { listsThatDiffer } from './door-lists.ts';
import { drawFeatures, FEATURES, type Feature, Features } from './features.ts';
import { Life } from './life.ts';
import { Oracle } from './oracle.ts';
import { People } from './people.ts';
import { TROUBLES } from './troubles.ts';

const ACTIVE_DAYS = 4;
const MOST_QUIET_DAYS = 30;

export interface LifeResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly features: ReadonlyMap<Feature, number>;
  readonly checks: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
  readonly acts: number;
  readonly milliseconds: number;
}

export interface Options {
  /** Only these may be drawn. */
  readonly from?: readonly Feature[];
  readonly drop?: readonly Feature[];
  /** These exist in every story. */
  readonly force?: readonly Feature[];
  /** Of all acts of people only the first so many. */
  readonly acts?: number;
}

/** The story of one seed: some days of trouble, then days of quiet, in which everything is to come to its end. */
export async function tell(
  seed: number,
  { from = FEATURES, drop = [], force = [], acts }: Options = {},
): Promise<LifeResult> {
  const began = process.cpuUsage();
  const chosen = new Set([...drawFeatures(diceOf(seed)('features'), from), ...force]);
  const drawn = FEATURES.filter((feature) => chosen.has(feature) && !drop.includes(feature));
  const features = new Features(drawn);
  const life = new Life(seed, features);
  const oracle = new Oracle(life);
  life.witness = oracle;
  const people = new People(life, acts);
  life.tell(`features: ${drawn.join(', ') || 'none'}`);
  const result = (): LifeResult => resultOf(life, oracle, people, process.cpuUsage(began).user / 1000);
  try {
    await live(life, oracle, people);
  } catch (error) {
    if (error instanceof ViolationFoundError) return result();
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    oracle.violations.push(`it broke: ${text}`);
    life.tell(`VIOLATION: it broke: ${text}`);
  }
  return result();
}

function resultOf(life: Life, oracle: Oracle, people: People, milliseconds: number): LifeResult {
  const { features } = life;
  for (const [feature, struck] of [
    ['deaths', life.sky.struck.deaths],
    ['failures', life.sky.struck.failures],
    ['lost-answers', life.sky.struck.lostAnswers],
    ['repeated-calls', life.sky.struck.repeats],
    ['stale-reads', life.sky.struck.staleEntries],
    ['slow-calls', life.slowness.calls],
    ['events-lost', life.delivery.struck.lost],
    ['events-doubled', life.delivery.struck.doubled],
    ['events-late', life.delivery.struck.late],
  ] as const)
    if (features.has(feature) && struck > 0) features.note(feature);
  const { lines, archive, factory, startedAtEpochMs } = life;
  const deployed = (mode: string): boolean => lines.some(({ rollout, services }) => rollout === mode && services > 0);
  const oldest = Math.min(...lines.flatMap(({ name }) => factory.madeBy(name).map((one) => one.pushedAtEpochMs)));
  for (const [feature, occurred] of [
    ['indexes', true],
    ['caps', life.pipelines.runs.length > 1],
    ['fix-unknown', archive.flaws.length > 0],
    [
      'package-in-two-tiers',
      lines.some(({ tier, packages }) => tier !== 'base' && packages.includes(life.names.package('openssl'))),
    ],
    ['age', oldest < startedAtEpochMs - 24 * DAY_MS],
    ['rollout-restart', deployed('restart')],
    ['rollout-register', deployed('register')],
    ['no-rollout', deployed('none')],
  ] as const)
    if (features.has(feature) && occurred) features.note(feature);
  return {
    ...{ seed: life.seed, features: features.occurred, acts: people.acts, milliseconds },
    ...{ violations: oracle.violations, checks: oracle.checks, trace: life.trace },
  };
}

async function live(life: Life, oracle: Oracle, people: People): Promise<void> {
  const { clockwork, features } = life;
  await life.begin();
  life.run();
  const dice = life.diceFor('trouble');
  const share = dice.pick([0.002, 0.01]);
  Object.assign(life.sky.weather, {
    deaths: features.has('deaths') ? share : 0,
    failures: features.has('failures') ? share : 0,
    lostAnswers: features.has('lost-answers') ? share : 0,
    repeats: features.has('repeated-calls') ? 0.02 : 0,
    staleEntries: features.has('stale-reads') ? 0.5 : 0,
  });
  life.slowness.share = features.has('slow-calls') ? 0.03 : 0;
  life.eventTrouble = {
    lost: features.has('events-lost') ? 0.3 : 0,
    doubled: features.has('events-doubled') ? 0.3 : 0,
    late: features.has('events-late') ? 0.3 : 0,
  };
  life.areScansCalm = false;
  life.ecs.areDeploymentsCalm = false;
  const review = async (): Promise<void> => {
    await life.review();
    let answers = 0;
    const differences = await listsThatDiffer(life.world, () => {
      answers += 1;
    });
    oracle.listsRead(answers, differences);
    await oracle.reviewed(life.reviewBeganAtEpochMs);
  };
  for (let day = 0; day < ACTIVE_DAYS; day += 1) clockwork.in(day * DAY_MS, review);
  people.live(ACTIVE_DAYS * DAY_MS);
  const troubles = TROUBLES.filter(({ feature }) => features.has(feature));
  for (const trouble of troubles) trouble.begin(life, ACTIVE_DAYS * DAY_MS);
  const until = (epochMs: number) => life.runUntil(epochMs, () => stopAtViolation(oracle));
  await until(life.startedAtEpochMs + ACTIVE_DAYS * DAY_MS - 1);
  life.tell('quiet');
  Object.assign(life.sky.weather, { deaths: 0, failures: 0, lostAnswers: 0, repeats: 0, staleEntries: 0 });
  life.slowness.share = 0;
  life.eventTrouble = { lost: 0, doubled: 0, late: 0 };
  life.areScansCalm = true;
  life.ecs.areDeploymentsCalm = true;
  life.pipelines.arePeopleThere = true;
  // What failed while everything failed was not tried for ever.
  life.delivery.poison.length = 0;
  for (const trouble of troubles) await trouble.end?.(life);
  await people.calmDown();
  for (let day = 0; day < MOST_QUIET_DAYS; day += 1) {
    const builds = life.pipelines.runs.length;
    const before = await oracle.stateText();
    clockwork.in(0, review);
    await until(clockwork.now + 12 * HOUR_MS);
    people.deployAll();
    await until(clockwork.now + 12 * HOUR_MS);
    const isAwaited =
      life.pipelines.runs.some(({ waitsSinceEpochMs }) => waitsSinceEpochMs !== undefined) ||
      (await oracle.awaitsItsTurn());
    if (day >= 2 && !isAwaited && life.pipelines.runs.length === builds && (await oracle.stateText()) === before) {
      await oracle.atRest();
      stopAtViolation(oracle);
      return;
    }
  }
  oracle.neverRests(MOST_QUIET_DAYS);
}

class ViolationFoundError extends Error {
  override readonly name = 'ViolationFoundError';
}

/** What comes after a first violation follows from it. */
function stopAtViolation({ violations }: Oracle): void {
  if (violations.length > 0) throw new ViolationFoundError(violations[0]);
}
