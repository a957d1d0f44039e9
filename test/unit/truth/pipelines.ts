import type { FakeWorld } from '../../support/fakes/world.ts';
import type { Clockwork } from './clockwork.ts';
import type { Dice } from './dice.ts';
import type { Ecs } from './ecs.ts';
import type { Factory } from './factory.ts';
import type { Features } from './features.ts';
import { HEAD_TAG, type Line } from './fleet.ts';
import { namesFor } from './hostile.ts';
import { referenceOf, type TrueArtifact } from './images.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What a run that Patchwave started really did. */
export interface TrueRun {
  readonly line: Line;
  readonly executionId: string;
  readonly rebuildId: string;
  readonly startedAtEpochMs: number;
  state: 'running' | 'succeeded' | 'failed';
  /** While it waits for a person. */
  waitsSinceEpochMs?: number;
  /** Once it waited for a person for so long that Patchwave saw it. */
  waitedFromEpochMs?: number;
  /** It waited when Patchwave may have looked at it, so it may have given its slot back. */
  mayHoldNoSlot?: true;
  /** Where a person is waited for: until then Patchwave does, and it starts no other run beside it. */
  openUntilEpochMs?: number;
  endedAtEpochMs?: number;
  /** What its parent was when it read it. */
  parent?: TrueArtifact;
  /** What it pushed. */
  output?: TrueArtifact;
}

export interface PipelinesWorld {
  readonly world: FakeWorld;
  readonly clockwork: Clockwork;
  readonly factory: Factory;
  readonly ecs: Ecs;
  readonly features: Features;
  readonly lines: readonly Line[];
  readonly diceFor: (purpose: string) => Dice;
  readonly trace: (text: string) => void;
  /** An event for the functions is on its way. */
  readonly tell: (queue: 'build', body: string) => void;
  /** A run pushed something. */
  readonly onOutput: (output: TrueArtifact) => void;
  /** A run begins to wait for a person. */
  readonly onWait: (run: TrueRun) => void;
  /** Services that run images of a line. */
  readonly servicesOf: (line: Line) => readonly string[];
  /** How long the policy lets a person take. */
  readonly approvalMs: number;
}

/** A build that takes longer is given up: `buildMinutes` of the policy. */
export const BUILD_MS = HOUR_MS;

/** Patchwave asks what became of a run every 15 minutes: a shorter wait it need not see. */
const SEEN_WAITING_MS = 15 * MINUTE_MS;
/** Its first look comes some seconds earlier or later than that after the start. */
const FIRST_LOOK_MS = 14 * MINUTE_MS;

/** As long CodePipeline lets an approval wait. */
const FORGOTTEN_MS = 7 * 24 * HOUR_MS;

/** Whether Patchwave waits for a run: it gives up what takes too long, and what a person forgets. */
export const isOpenAt = ({ state, startedAtEpochMs, openUntilEpochMs }: TrueRun, nowEpochMs: number): boolean =>
  state === 'running' && nowEpochMs < (openUntilEpochMs ?? startedAtEpochMs + BUILD_MS);

/** The pipelines of the teams: what each run really does, by the habits of its line. */
export class Pipelines {
  readonly #with: PipelinesWorld;
  readonly runs: TrueRun[] = [];
  /** From then on people decide within minutes. */
  arePeopleThere = false;
  #followed = 0;

  constructor(world: PipelinesWorld) {
    this.#with = world;
    for (const { pipeline } of world.lines) world.world.runner.create(pipeline);
  }

  /** Begins the runs that were started since this was called last. @param begun sees each of them first */
  follow(begun: (run: TrueRun) => void): void {
    const { world, lines, clockwork } = this.#with;
    for (const { pipeline, executionId, rebuildId } of world.runner.started.slice(this.#followed)) {
      this.#followed += 1;
      const line = lines.find(({ name }) => name === pipeline.name);
      if (!line) throw new Error(`there is no line ${pipeline.name}`);
      const run: TrueRun = { line, executionId, rebuildId, startedAtEpochMs: world.clock(), state: 'running' };
      this.runs.push(run);
      begun(run);
      clockwork.spawn(() => this.#run(run));
    }
  }

  async #run(run: TrueRun): Promise<void> {
    const { clockwork, diceFor, features, trace } = this.#with;
    const { line, executionId } = run;
    const { habits } = line;
    const dice = diceFor(`run ${this.runs.length} of ${line.name}`);
    const [minutes, isFailing, isHanging, isEmpty, isCached] = [
      dice.int(1, 25),
      dice.chance(habits.fails),
      dice.chance(habits.hangs),
      dice.chance(habits.makesNothing),
      dice.chance(habits.fromCache),
    ];
    const fate = dice.int(1, 3);
    trace(`${line.name}: run ${executionId.slice(-3)} starts`);
    await clockwork.sleep(MINUTE_MS);
    const isAsked = dice.chance(habits.waitsForApproval);
    if (isAsked && !(await this.#approved(run, dice))) {
      this.#end(run, 'failed', 'a person rejected it');
      return;
    }
    const parent = this.#with.factory.parentFor(line);
    if (parent) run.parent = parent;
    const readAtEpochMs = clockwork.now;
    if (isHanging) {
      features.note('builds-hang');
      if (fate === 1) return;
      await clockwork.sleep(dice.int(2, 6) * HOUR_MS);
    } else await clockwork.sleep(minutes * MINUTE_MS);
    if (isFailing || (isHanging && fate === 2)) {
      if (isFailing) features.note('builds-fail');
      this.#end(run, 'failed', namesFor(features).reason('exit 1'));
      return;
    }
    if (isEmpty) {
      features.note('builds-make-nothing');
      this.#end(run, 'succeeded');
      return;
    }
    if (isCached) features.note('builds-from-cache');
    const { rebuildId } = run;
    const output = this.#with.factory.build(line, [line.promotes ? `${HEAD_TAG}-candidate` : HEAD_TAG], {
      ...{ readAtEpochMs, fromCache: isCached, runId: executionId },
      ...(parent && { parent }),
      ...(habits.tellsOutput === 'label' && { rebuildId }),
    });
    if (!output) {
      this.#end(run, 'failed', 'its parent is gone');
      return;
    }
    run.output = output;
    trace(`${line.name}: run ${executionId.slice(-3)} pushes ${output.name} on ${parent?.name ?? 'nothing'}`);
    this.#noteHabits(line);
    this.#with.onOutput(output);
    this.#end(run, 'succeeded');
    await this.#deploy(line, output);
  }

  /** Waits for a person, who says yes or no, or forgets it. */
  async #approved(run: TrueRun, dice: Dice): Promise<boolean> {
    const { world, clockwork, features, trace, approvalMs, onWait } = this.#with;
    const { line, executionId } = run;
    const [kind, minutes, hours, isFast] = [dice.int(1, 10), dice.int(3, 14), dice.int(1, 60), dice.chance(0.2)];
    const isForgotten = kind <= 2 && !this.arePeopleThere;
    const waitsMs = isForgotten ? FORGOTTEN_MS : isFast || this.arePeopleThere ? minutes * MINUTE_MS : hours * HOUR_MS;
    trace(`${line.name}: run ${executionId.slice(-3)} waits for a person, who ${isForgotten ? 'forgets it' : 'comes'}`);
    world.runner.waitForApproval(line.pipeline, executionId);
    run.waitsSinceEpochMs = clockwork.now;
    onWait(run);
    if (waitsMs > SEEN_WAITING_MS) {
      features.note('approvals');
      run.waitedFromEpochMs = clockwork.now;
      run.openUntilEpochMs = clockwork.now + approvalMs;
    }
    await clockwork.sleep(waitsMs);
    delete run.waitsSinceEpochMs;
    if (clockwork.now - run.startedAtEpochMs >= FIRST_LOOK_MS) run.mayHoldNoSlot = true;
    // From then on it has the time of a build.
    if (run.openUntilEpochMs !== undefined)
      run.openUntilEpochMs = Math.min(run.openUntilEpochMs, clockwork.now + BUILD_MS);
    world.runner.approve(line.pipeline, executionId);
    const isApproved = !isForgotten && kind <= 8;
    trace(`${line.name}: run ${executionId.slice(-3)} is ${isApproved ? 'approved' : 'rejected'}`);
    return isApproved;
  }

  #noteHabits({ habits, promotes, isMetadataOnly }: Line): void {
    const { note } = { note: this.#with.features.note.bind(this.#with.features) };
    if (habits.pinsParent) note('builds-pin-parents');
    if (habits.stampsVersions) note('builds-stamp-versions');
    if (habits.isReproducible) note('builds-reproducible');
    if (habits.hasFixedDate) note('fixed-dates');
    if (habits.packsAnew) note('layers-packed-anew');
    if (isMetadataOnly) note('metadata-only');
    if (promotes) note('candidates');
    if (habits.tellsOutput === 'report') note('outputs-reported');
    if (habits.tellsOutput === 'label') note('outputs-labelled');
  }

  #end(run: TrueRun, state: 'succeeded' | 'failed', detail?: string): void {
    const { world, clockwork, tell, trace } = this.#with;
    const { line, executionId, output, rebuildId } = run;
    const { account, region } = line.pipeline;
    run.state = state;
    run.endedAtEpochMs = clockwork.now;
    if (state === 'failed' || !output) trace(`${line.name}: run ${executionId.slice(-3)} ${state}, nothing is pushed`);
    const outputField = output && line.habits.tellsOutput === 'variable' ? { outputDigest: output.digest } : {};
    world.runner.finish(line.pipeline, executionId, { state, ...outputField, ...(detail !== undefined && { detail }) });
    const envelope = { account, region, time: new Date(world.clock()).toISOString(), resources: [] };
    if (output && line.habits.tellsOutput === 'report') {
      const detail = { rebuildId, digest: output.digest };
      const report = { source: 'patchwave.pipeline', 'detail-type': 'RebuildReported', ...envelope, detail };
      tell('build', JSON.stringify(report));
    }
    tell(
      'build',
      JSON.stringify({
        ...{ source: 'aws.codepipeline', ...envelope },
        'detail-type': 'CodePipeline Pipeline Execution State Change',
        detail: { pipeline: line.pipeline.name, 'execution-id': executionId, state: state.toUpperCase() },
      }),
    );
  }

  /** Where the policy leaves that to the pipeline, its last stage deploys. */
  async #deploy(line: Line, output: TrueArtifact): Promise<void> {
    const { clockwork, ecs, servicesOf } = this.#with;
    if (line.rollout !== 'pipeline') return;
    await clockwork.sleep(5 * MINUTE_MS);
    for (const service of servicesOf(line)) await ecs.deployByHand(service, referenceOf(line, output.digest));
  }
}
