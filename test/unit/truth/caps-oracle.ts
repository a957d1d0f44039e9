import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import type { Line } from './fleet.ts';
import type { Life } from './life.ts';
import { isOpenAt, type TrueRun } from './pipelines.ts';

const MINUTE_MS = 60_000;

/** What a policy allows that names no cap: `caps` in policy.ts. */
const CAP_IN_ALL = 8;

/** A place of the ramp counts from when the build was reserved, which is some minutes before it begins. */
const RAMP_MS = DAY_MS - HOUR_MS;

/**
 * Patchwave looks at a run that no event tells of after 15 minutes, and once more where that look failed. The lease of a slot is
 * longer than an hour, so what gives it back too late is seen here.
 */
const SEEN_MS = 45 * MINUTE_MS;

export interface CapsOracleWorld {
  readonly life: Life;
  readonly check: (statement: string) => void;
  readonly violated: (text: string) => void;
}

/** Counts the builds that really run, and holds them against the caps and the ramp of the policy. */
export class CapsOracle {
  readonly #with: CapsOracleWorld;
  /** Of the ramp, each for a day. */
  readonly #places: { readonly name: string; readonly sinceEpochMs: number }[] = [];

  constructor(world: CapsOracleWorld) {
    this.#with = world;
  }

  begun(run: TrueRun): void {
    this.#withinCaps(run);
    this.#withinRamp(run);
  }

  #withinCaps(run: TrueRun): void {
    const { life, check, violated } = this.#with;
    const { concurrentRebuilds = CAP_IN_ALL, perAccount = Number.POSITIVE_INFINITY } = life.fixed.caps;
    // A run that waited for a person while Patchwave looked at it has given its slot back, and takes none again.
    const open = life.pipelines.runs.filter(
      (one) => isOpenAt(one, life.clockwork.now) && !one.waitedFromEpochMs && !one.mayHoldNoSlot,
    );
    check('builds within the caps');
    if (open.length > concurrentRebuilds)
      violated(`${open.length} builds run at once, of ${concurrentRebuilds}: ${namesOf(open)}`);
    const { account } = run.line.pipeline;
    const there = open.filter(({ line }) => line.pipeline.account === account);
    if (there.length > perAccount)
      violated(`${there.length} builds run at once in account ${account}, of ${perAccount}: ${namesOf(there)}`);
  }

  /**
   * Streams that begin by themselves within a day; what is built since something below was rebuilt follows that. One that
   * begins again within a day takes no second place.
   */
  #withinRamp({ line, startedAtEpochMs }: TrueRun): void {
    const { life, check, violated } = this.#with;
    const { ramp } = life.fixed.caps;
    // What is on hold keeps its place for a day, and begins later.
    const isOnHold = (['modes', 'kill-switch', 'failures', 'deaths', 'lost-answers'] as const).some(life.features.has);
    if (ramp === undefined || isOnHold || !this.#beginsItself(line, startedAtEpochMs)) return;
    check('no more streams begin than the ramp lets');
    const { runs } = life.pipelines;
    const last = runs.findLast((one) => one.line === line && one.startedAtEpochMs < startedAtEpochMs);
    if (last && startedAtEpochMs < last.startedAtEpochMs + DAY_MS) return;
    this.#places.push({ name: line.name, sinceEpochMs: startedAtEpochMs });
    const begun = this.#places.filter(({ sinceEpochMs }) => sinceEpochMs > startedAtEpochMs - RAMP_MS);
    const names = begun.map(({ name }) => name).join(', ');
    if (begun.length > ramp) violated(`${begun.length} streams began within a day, of ${ramp}: ${names}`);
  }

  /** Nothing below it was rebuilt since it was built last. */
  #beginsItself(line: Line, atEpochMs: number): boolean {
    const { runs } = this.#with.life.pipelines;
    const last = runs.findLast((one) => one.line === line && one.startedAtEpochMs < atEpochMs)?.startedAtEpochMs ?? 0;
    const below = new Set(this.#with.life.below(line));
    return !runs.some(
      (one) => below.has(one.line) && one.output && one.startedAtEpochMs > last && one.startedAtEpochMs < atEpochMs,
    );
  }

  /** A run begins to wait for a person: as soon as Patchwave can have seen that, it holds no slot. */
  waits(run: TrueRun): void {
    const { clockwork } = this.#with.life;
    clockwork.in(SEEN_MS, () => this.#holdsNone(run));
  }

  async #holdsNone({ waitsSinceEpochMs, rebuildId, line }: TrueRun): Promise<void> {
    const { life, check, violated } = this.#with;
    if (waitsSinceEpochMs === undefined || life.clockwork.now < waitsSinceEpochMs + SEEN_MS) return;
    check('what waits for a person holds no slot');
    const scopes = ['fleet', `account/${line.pipeline.account}`];
    const held = await Promise.all(scopes.map((scope) => life.world.slots.held(scope)));
    if (held.flat().some(({ owner, untilEpochMs }) => owner === rebuildId && untilEpochMs > life.clockwork.now))
      violated(`${line.name} waits for a person and holds a slot`);
  }
}

const namesOf = (runs: readonly TrueRun[]): string => runs.map(({ line }) => line.name).join(', ');
