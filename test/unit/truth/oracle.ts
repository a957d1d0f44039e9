import type { Closure } from '../../../shared/domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../../../shared/domain/cause/cause.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageInUse } from '../../../shared/domain/scan/witness.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { type Flaw, isFlawed } from './archive.ts';
import { CapsOracle } from './caps-oracle.ts';
import type { TrueContainer, TrueDeployment } from './ecs.ts';
import { AGE_LIMIT_DAYS, isImported, isWatched, type Line } from './fleet.ts';
import {
  claimedAtEpochMs,
  contentOf,
  layersOf,
  lineageOf,
  packagesOf,
  type TrueArtifact,
  type TrueImage,
} from './images.ts';
import type { Life, Witness } from './life.ts';
import type { Change } from './outbox.ts';
import { BUILD_MS, isOpenAt, type TrueRun } from './pipelines.ts';
import { callSpan, heldThroughout, modeOf, whyHeld } from './restraints.ts';
import { RolloutOracle } from './rollout-oracle.ts';
import { factText, isOnDay, knownAsOf, placeOf } from './rules.ts';
import { Sight } from './sight.ts';

export const ATTEMPTS = 3;
/** Share of the age limit at which a rebuild is asked for. */
const WARNING = 0.8;
/** How long a complete scan of an output is awaited. */
const VERIFY_MS = 2 * HOUR_MS;
/** How long the output of a run that waited for a person may be taken up, from when its end was seen. */
const RESUMED_WITHIN_MS = 7 * DAY_MS;
/**
 * A review may not ask for a scan within 24 hours of the last one, and the next review comes a day later. Reviews begin at
 * different times of an hour.
 */
const SCANNED_WITHIN_MS = 2 * DAY_MS + HOUR_MS;
/** Where no event tells of an end the planner looks; while nothing changes this world wakes it every 4 hours. */
const PLANNED_WITHIN_MS = 9 * HOUR_MS;
/**
 * A build begins seconds after the step that reads the heads of its parents: a person may push in between, and the late
 * event of an earlier push may arrive.
 */
const JUST_MOVED_MS = 10_000;

/** What an answer says where only a scan that covers packages of languages shows more. */
const BASIC_ONLY = 'covers only packages of the operating system';

/** Compares the ledger with the truth at each change, and describes each difference. */
export class Oracle implements Witness {
  readonly #life: Life;
  readonly violations: string[] = [];
  /** How often each statement was compared with the truth. */
  readonly checks = new Map<string, number>();
  readonly #builds = new Map<string, number>();
  /** By rebuild what it was asked for. */
  readonly #asked = new Map<string, readonly CauseFact[]>();
  /** By image when its first scan ended. */
  readonly #scanned = new Map<Digest, number>();
  /** By image when the ledger made it a head. */
  readonly #headedAt = new Map<Digest, number>();

  readonly #rollouts: RolloutOracle;
  readonly #caps: CapsOracle;
  readonly #sight: Sight;

  constructor(life: Life) {
    this.#life = life;
    this.#sight = new Sight(life);
    const world = {
      life,
      check: (statement: string) => this.#check(statement),
      violated: (text: string) => this.#violated(text),
    };
    this.#caps = new CapsOracle(world);
    this.#rollouts = new RolloutOracle({
      ...world,
      violatingIn: (image, atEpochMs) => this.violatingIn(image, atEpochMs),
      isLeftToOwner: (image, flaw) => this.#isLeftToOwner(image, flaw),
      isCovered: (image, flaw) => this.#sight.isCovered(image, flaw),
    });
  }

  changed(change: Change): void {
    this.#noteRestraint(change);
    switch (change.kind) {
      case 'image':
        this.#sight.changed(change.after);
        this.#judged(change.after);
        return;
      case 'stream':
        this.#headed(change.after, change.before);
        return;
      case 'rebuild':
        this.#asked.set(change.after.rebuildId, change.after.facts);
        if (change.after.outcome) this.#outcomes.set(change.after.rebuildId, change.after.outcome.result);
        if (change.after.outcome?.result === 'fixed' && change.before?.outcome?.result !== 'fixed')
          this.#fixed(change.after);
        return;
      case 'closure':
        this.#closures.set(`${change.after.cascadeId}/${change.after.stream}`, change.after);
        if (change.after.nothingRunsSinceEpochMs && !change.before?.nothingRunsSinceEpochMs)
          this.#stopped(change.after);
        if (change.after.witnessed && !change.before?.witnessed) this.#life.features.note('hidden-uses');
        if (change.after.state === 'closed' && change.before?.state !== 'closed') {
          this.#closed(change.after);
          this.#life.clockwork.spawn(() => this.#uncontradicted(change.after));
        }
        if (change.after.state === 'witness-disagrees' && change.before?.state !== 'witness-disagrees') {
          this.#contradicted(change.after);
          this.#life.clockwork.spawn(() => this.#isNews(change.after));
        }
        if (change.after.state === 'replaced' && change.before?.state !== 'replaced') this.#replaced(change.after);
        return;
      case 'deployment':
        this.#rollouts.recorded(change.before, change.after);
        return;
      default:
    }
  }

  #headed({ head }: StreamRecord, before?: StreamRecord): void {
    const known = new Set(Object.values(before?.head?.images ?? {}));
    for (const digest of Object.values(head?.images ?? {}))
      if (!known.has(digest)) this.#headedAt.set(digest, this.#life.world.clock());
  }

  /** A mode or the switch made a difference where an answer names it. */
  #noteRestraint(change: Change): void {
    const { features, isPaused } = this.#life;
    if (change.kind !== 'cause' || change.after.answer === change.before?.answer) return;
    const { reason, detail = '' } = change.after.answer ?? {};
    if (reason === 'cap-reached' && detail.includes('ramp') && features.has('ramp')) features.note('ramp');
    if (reason !== 'paused' && reason !== 'report-only') return;
    if (isPaused && features.has('kill-switch')) features.note('kill-switch');
    else if (features.has('modes')) features.note('modes');
  }

  scanned(digest: Digest): void {
    if (!this.#scanned.has(digest)) this.#scanned.set(digest, this.#life.world.clock());
  }

  waits(run: TrueRun): void {
    this.#caps.waits(run);
  }

  deployed(deployment: TrueDeployment): void {
    this.#life.clockwork.spawn(() => this.#rollouts.deployed(deployment));
  }

  /** A pipeline was started. */
  begun(run: TrueRun): void {
    const { line, executionId, startedAtEpochMs } = run;
    const life = this.#life;
    this.#check('no pipeline builds what is imported');
    if (isImported(line)) this.#violated(`${line.name} is imported, and was built`);
    this.#check('one open build a stream');
    const other = life.pipelines.runs.find(
      (one) => one.line === line && one.executionId !== executionId && isOpenAt(one, startedAtEpochMs),
    );
    this.#caps.begun(run);
    if (other)
      this.#violated(`a second build of ${line.name} was started while run ${other.executionId.slice(-3)} runs`);
    this.#check('builds only where the policy says enforce');
    const held = heldThroughout(life.restraints, callSpan(life), (restraints) =>
      whyHeld(restraints, line, [line.pipeline.account]),
    );
    if (held) this.#violated(`${line.name} was built ${held}`);
    this.#check('builds within the bound');
    for (const key of new Set(this.#boundsOf(run))) {
      const builds = (this.#builds.get(key) ?? 0) + 1;
      this.#builds.set(key, builds);
      if (builds > ATTEMPTS)
        this.#violated(`build ${builds} of ${line.name} for the same fact on the same parent: ${key}`);
    }
    this.#onParent(run);
  }

  /**
   * What bounds a build: each fact that it was asked for, on what the stream is built on as far as the ledger knows: the event
   * of a push may be late, but a cascade knows what it verified. What the head does not hold any more is forgotten, and what its team pushes begins anew.
   */
  #boundsOf({ line, rebuildId }: TrueRun): readonly string[] {
    const { factory } = this.#life;
    const head = factory.headOf(line)?.images ?? [];
    const since = factory.madeBy(line.name).findLast(({ runId }) => runId === undefined);
    const parent = factory.parentOf(line);
    const on = parent && this.#verified.has(parent.digest) ? parent : (this.#parentKnown(line) ?? parent);
    return (this.#asked.get(rebuildId) ?? []).flatMap((fact) => {
      const name = fact.kind === 'finding' ? `${fact.vulnerability} in ${fact.package}` : fact.kind;
      const key = `${name} in ${line.name} on ${on?.name ?? 'nothing'} since ${since?.name}, moved back ${this.#movesUpTo(line)} times`;
      if (fact.kind === 'parent-moved' || head.some((image) => this.#asksFor(image, fact))) return [key];
      this.#builds.delete(key);
      return [];
    });
  }

  /** The head of its parent stream that the ledger knows. */
  #parentKnown({ on }: Line): TrueArtifact | undefined {
    const { lines, world, factory } = this.#life;
    const below = lines.find(({ name }) => name === on);
    const { index, images = {} } = (below && world.streams.records.get(below.stream)?.head) ?? {};
    const digest = index ?? Object.values(images)[0];
    return digest && factory.artifact(digest);
  }

  #asksFor(image: TrueImage, fact: CauseFact): boolean {
    if (fact.kind === 'finding') return !this.#isWaivedIn(image, fact) && this.#holdsPair(image, fact);
    return fact.kind === 'age' && this.#isOld(image, this.#life.world.clock(), WARNING);
  }

  /** How often people moved the tags of a line, and of what it is built on: what they do begins anew. */
  #movesUpTo = (line: Line): number =>
    [line, ...this.#life.below(line)].reduce((sum, one) => sum + this.#life.factory.movesOf(one), 0);

  /** Nothing is built on what was not judged, or is at fault. */
  #onParent(run: TrueRun): void {
    const { factory, world, pipelines, lines } = this.#life;
    const parent = factory.parentOf(run.line);
    if (!parent) return;
    const below = lines.find(({ name }) => name === run.line.on);
    const head = new Set(Object.values(world.streams.records.get(below?.stream ?? '')?.head?.images ?? {}));
    this.#check('nothing is built on an unjudged parent');
    const made = pipelines.runs.find(({ executionId }) => executionId === parent.runId);
    const verified = made && this.#outcomeOf(made) === 'fixed';
    const isJust = (epochMs = 0): boolean => epochMs > world.clock() - JUST_MOVED_MS;
    if (isJust(parent.pushedAtEpochMs) || this.#isParentGone(run.line)) return;
    // A cascade needs no judgement of what it verified itself.
    const isOfNow = verified && (made.endedAtEpochMs ?? 0) > world.clock() - DAY_MS && !this.#movesUpTo(run.line);
    for (const image of parent.images) {
      const record = world.images.records.get(image.digest);
      // The ledger does not know a head that no event reported. While a push is recorded, its images are marked as heads
      // before the stream names them.
      if (!record || !head.has(image.digest) || isJust(this.#headedAt.get(image.digest))) continue;
      const isJudged = record.verdict && record.scan.completedAtEpochMs !== undefined;
      if (!isJudged && !verified) this.#violated(`${run.line.name} is built on ${image.name}, which was not judged`);
      if (isJudged && !isOfNow) this.#onBetterParent(run.line, image, record);
    }
  }

  /**
   * What the ledger knows of a parent must not make what is built on it worse than it is. A base patches what it imports, so there
   * only the output tells.
   */
  #onBetterParent(line: Line, parent: TrueImage, { verdict, scan }: ImageRecord): void {
    const own = this.#life.factory.headOf(line)?.images ?? [];
    const isPatched = line.tier === 'base' && isImported(this.#life.line(parent.line));
    if (isPatched || own.length === 0 || verdict?.status !== 'violating') return;
    this.#check('nothing is built on a parent that is worse');
    const isBuiltOn = own.some((image) => lineageOf(image).some((part) => contentOf(part) === contentOf(parent)));
    const worse = this.violatingIn(parent, knownAsOf(scan) ?? 0).find(
      (flaw) => !own.some((image) => this.#hasFlaw(image, flaw)),
    );
    if (worse && !isBuiltOn) this.#violated(`${line.name} is built on ${parent.name}, which adds ${worse.id}`);
  }

  /**
   * The image that the head is built on was deleted before Patchwave could read it. No registry tells of it any more, and what is
   * below it seems to be the parent.
   */
  #isParentGone(line: Line): boolean {
    const { factory, world } = this.#life;
    const below = (factory.headOf(line)?.images ?? []).flatMap(lineageOf).filter((part) => part.line === line.on);
    return below.some(({ digest, line: name }) => {
      const record = world.images.records.get(digest);
      const isRead = record !== undefined && record.unresolved === undefined;
      return (
        !isRead &&
        !factory.madeBy(name).some((one) => factory.isKept(one) && one.images.some((image) => image.digest === digest))
      );
    });
  }

  readonly #outcomes = new Map<string, string>();
  #outcomeOf = ({ rebuildId }: TrueRun): string | undefined => this.#outcomes.get(rebuildId);

  #judged(record: ImageRecord): void {
    const image = this.#life.factory.image(record.digest);
    const { verdict, scan, lineage, judgedAtEpochMs } = record;
    if (!image) return;
    const age = lineage?.age;
    if (age?.known && !this.#sight.isOutsideOfRules(image)) {
      this.#check('no age younger than the truth');
      const bornAtEpochMs = this.#sight.bornAt(image);
      if (age.bornAtEpochMs > bornAtEpochMs)
        this.#violated(
          `the ledger says that ${image.name} is of ${iso(age.bornAtEpochMs)}, its content is of ${iso(bornAtEpochMs)}`,
        );
    }
    if (verdict?.status !== 'compliant' || judgedAtEpochMs === undefined) return;
    this.#check('compliant is true of the image');
    const scannedAtEpochMs = knownAsOf(scan);
    if (scannedAtEpochMs === undefined) {
      this.#violated(`${image.name} is compliant without a scan`);
      return;
    }
    const [flaw] = this.violatingIn(image, scannedAtEpochMs, judgedAtEpochMs);
    if (flaw) this.#violated(`${image.name} is compliant and has ${flaw.id} in ${flaw.package}`);
    const isOld = this.#isOld(image, judgedAtEpochMs) && !this.#isWaived(image.line, 'age-limit', judgedAtEpochMs);
    if (isOld && !this.#sight.isOutsideOfRules(image))
      this.#violated(`${image.name} is compliant and older than ${AGE_LIMIT_DAYS} days`);
  }

  /** After each review: what is said of each container that runs since before the review began. */
  async reviewed(beganAtEpochMs: number): Promise<void> {
    const { ecs } = this.#life;
    await this.#doorsKnowWhatRuns();
    for (const container of ecs.running()) {
      if (container.sinceEpochMs >= beganAtEpochMs) continue;
      this.#noteHidden(container);
      const said = await this.#saidOf(container);
      if (said.length === 0 || said.some(({ verdict }) => verdict?.status !== 'compliant')) continue;
      this.#check('compliant is true of what runs');
      if (container.shown === 'nothing')
        this.#violated(`${container.service} is reported as compliant, and which image it runs is a guess`);
      const scannedAt = Math.min(...said.map(({ scan }) => knownAsOf(scan) ?? 0));
      const judgedAt = Math.min(...said.map(({ judgedAtEpochMs = 0 }) => judgedAtEpochMs));
      const [flaw] = this.violatingIn(container.image, scannedAt, judgedAt);
      const name = `${container.service} runs ${container.image.name}`;
      if (flaw) this.#violated(`${name}, is reported as compliant, and has ${flaw.id} in ${flaw.package}`);
      if (this.#isOld(container.image, judgedAt) && !this.#sight.isOutsideOfRules(container.image))
        this.#violated(`${name}, is reported as compliant, and is older than ${AGE_LIMIT_DAYS} days`);
    }
  }

  /** What a published list and the webhook answered, each to the same question. */
  listsRead(answers: number, differences: readonly string[]): void {
    for (let n = 0; n < answers; n += 1) this.#check('a published list answers as the door does');
    for (const difference of differences) this.#violated(difference);
  }

  /** Without the mark a door would stop an image that runs, once time makes it violate. */
  async #doorsKnowWhatRuns(): Promise<void> {
    const { world } = this.#life;
    for (const { digest, inUse } of world.images.records.values()) {
      if (!inUse) continue;
      for (const place of (await world.usages.ofImage(digest)).map(placeOf)) {
        this.#check('the doors know what runs');
        const known = (await world.running.presencesIn([digest], place)).get(digest);
        if (!known || known.endedAtEpochMs !== undefined)
          this.#violated(`the doors do not know that ${digest} runs in ${place.cluster}`);
      }
    }
  }

  /** The images that the ledger says a container runs. */
  async #saidOf({ service, container, shown }: TrueContainer): Promise<readonly ImageRecord[]> {
    const { world } = this.#life;
    const said: ImageRecord[] = [];
    for (const record of world.images.records.values()) {
      if (!record.inUse) continue;
      const usages = await world.usages.ofImage(record.digest);
      const own = usages.filter((one) => one.workload === service && one.container === container);
      if (own.some(({ digestSource }) => shown === 'digest' || digestSource !== 'runtime')) said.push(record);
    }
    return said;
  }

  /** It makes a difference where the tag means another image by now. */
  #noteHidden({ image, shown }: TrueContainer): void {
    const { factory, features } = this.#life;
    const line = this.#life.line(image.line);
    if (shown === 'digest' || factory.headOf(line)?.images.includes(image)) return;
    features.note('digests-not-reported');
  }

  /** Outputs that a cascade verified. */
  readonly #verified = new Set<string>();

  #fixed(rebuild: Rebuild): void {
    const { pipelines, factory, archive, world } = this.#life;
    this.#rollouts.fixed(rebuild);
    if (rebuild.output) this.#verified.add(rebuild.output);
    const line = this.#life.lineOf(rebuild.stream);
    if (!line) return;
    this.#check('fixed is true of the output');
    const recorded = rebuild.output && factory.artifact(rebuild.output);
    const run = pipelines.runs.find(({ rebuildId }) => rebuildId === (rebuild.takenOverFrom ?? rebuild.rebuildId));
    const output = run?.output;
    if (!output || recorded !== output) {
      this.#violated(
        `${line.name} is fixed by ${recorded?.name ?? rebuild.output}, and its run made ${output?.name ?? 'nothing'}`,
      );
      return;
    }
    const before = rebuild.headBefore && factory.artifact(rebuild.headBefore);
    const beganAt = run.startedAtEpochMs;
    for (const image of output.images) {
      for (const fact of rebuild.facts) {
        // What is waived by now asks for nothing any more, also where the waiver is that of a line below.
        const asks = fact.kind === 'finding' && !this.#isWaivedIn(image, fact);
        if (asks && this.#holdsPair(image, fact))
          this.#violated(`${line.name} is fixed by ${image.name}, which has ${fact.vulnerability} in ${fact.package}`);
        if (fact.kind === 'age' && image.own && this.#isOldLayer(image, world.clock()))
          this.#violated(`${line.name} is fixed by ${image.name}, whose own content is too old`);
      }
      const was = before?.images.find(({ platform }) => platform === image.platform);
      const had = new Set(was ? archive.flawsIn(packagesOf(was), world.clock()).map(({ id }) => id) : []);
      const added = was ? this.violatingIn(image, beganAt).filter(({ id }) => !had.has(id)) : [];
      for (const flaw of added)
        this.#violated(`${line.name} is fixed by ${image.name}, which has ${flaw.id} that ${was?.name} did not have`);
    }
    this.#followed(line, rebuild, run);
  }

  /** An output that was to pick up a head of its parent is built on that, or on a later one. */
  #followed(line: Line, rebuild: Rebuild, run: TrueRun): void {
    const { factory } = this.#life;
    for (const fact of rebuild.facts) {
      if (fact.kind !== 'parent-moved' || fact.head === undefined || !run.parent) continue;
      const head = factory.artifact(fact.head);
      if (!head || head.line !== run.parent.line || run.parent.pushedAtEpochMs >= head.pushedAtEpochMs) continue;
      if (this.#movesUpTo(line) > 0) continue;
      if (sameContent(head, run.parent)) continue;
      this.#violated(`${line.name} is fixed for picking up ${head.name}, and was built on ${run.parent.name}`);
    }
  }

  readonly #closures = new Map<string, Closure>();

  /** What it waited for a newer closure waits for, and raises its alarm as early. */
  #replaced(closure: Closure): void {
    this.#check('a closure is replaced by one that waits for the same');
    const newer = this.#closures.get(`${closure.replacement?.cascadeId}/${closure.stream}`);
    const isWhole = newer !== undefined && waitsFor(newer, closure) && newer.sinceEpochMs > closure.sinceEpochMs;
    if (!isWhole || newer.deadlineEpochMs > closure.deadlineEpochMs)
      this.#violated(`the closure of ${closure.stream} is replaced, and nothing waits for the same as early`);
  }

  /** The first of two instants: something may still start. */
  #stopped(closure: Closure): void {
    this.#check('nothing that runs has what an open closure waits for');
    this.#endsIn(closure, this.#running());
  }

  #closed(closure: Closure): void {
    this.#check('closed is true of what runs');
    this.#endsIn(closure, [...this.#running(), ...this.#life.schedules.starts()]);
  }

  #running(): readonly TrueContainer[] {
    return this.#life.ecs.running().filter((container) => !this.#isNoLongerAsked(container));
  }

  #endsIn(closure: Closure, containers: readonly TrueContainer[]): void {
    const { clockwork } = this.#life;
    const line = this.#life.lineOf(closure.stream);
    const since = this.#life.reviewBeganAtEpochMs;
    if (!line) return;
    for (const container of containers) {
      // What began while the review read was not there to be seen.
      if (container.sinceEpochMs >= since) continue;
      const part = lineageOf(container.image).find((one) => one.line === line.name);
      if (!part || this.#sight.isNeverSeen(part)) continue;
      const left = closure.facts.find((fact) => this.#holds(part, container.image, fact, clockwork.now));
      if (container.shown !== 'digest')
        this.#violated(
          `the closure of ${line.name} is closed, and ECS tells not which image ${container.service} runs`,
        );
      if (!left && !(closure.facts.length === 0 && this.#isOlder(part, container.image, closure))) continue;
      const what =
        left?.kind === 'finding' ? `${left.vulnerability} in ${left.package}` : (left?.kind ?? 'what is older');
      this.#violated(
        `the closure of ${line.name} for ${what} is closed, and ${container.service} runs ${container.image.name} since ${iso(container.sinceEpochMs)}`,
      );
    }
  }

  /**
   * Nothing closes while the review that closes it heard that an image with its facts is in use, a day after the last deployment.
   * What Patchwave sees run is compared elsewhere.
   */
  async #uncontradicted(closure: Closure): Promise<void> {
    const { uses, world, clockwork } = this.#life;
    const line = this.#life.lineOf(closure.stream);
    const runId = closure.proof?.runId;
    if (!uses || !line || runId === undefined || closure.facts.length === 0) return;
    const ends = await Promise.all(
      (closure.services ?? []).map((service) => world.rollouts.deployment(closure.cascadeId, service)),
    );
    const since = Math.max(closure.sinceEpochMs, ...ends.map((one) => one?.endedAtEpochMs ?? 0)) + DAY_MS;
    for await (const key of world.runFiles.list(`runs/${runId}/in-use/`))
      for (const use of (await world.runFiles.get(key)) as readonly ImageInUse[]) {
        const { digest, lastAtEpochMs } = use;
        const image = this.#life.factory.image(digest);
        const part = image && lineageOf(image).find((one) => one.line === line.name);
        if (!image || !part || lastAtEpochMs <= since || lastAtEpochMs > clockwork.now) continue;
        this.#check('a closure hears the second witness');
        if ((await world.usages.ofImage(digest)).length > 0 || this.#sight.isNeverSeen(part)) continue;
        if (await this.#wasSeen(use)) continue;
        const left = closure.facts.find((fact) => this.#holds(part, image, fact, clockwork.now));
        if (left) this.#violated(`the closure of ${line.name} is closed, and AWS says that ${image.name} is in use`);
      }
  }

  /** For a person only, past the deadline, and of images that were in use. */
  #contradicted(closure: Closure): void {
    const { uses, clockwork } = this.#life;
    this.#check('what the second witness says is true');
    const { witnessed = [], atEpochMs = 0 } = closure.disagreement ?? {};
    if (atEpochMs <= closure.deadlineEpochMs || clockwork.now <= closure.deadlineEpochMs || closure.proof)
      this.#violated(`the closure of ${closure.stream} ends for the witness before its deadline, or with a proof`);
    if (witnessed.length === 0 || !witnessed.every((one) => uses?.wasUsed(one.digest, one.lastAtEpochMs)))
      this.#violated(`the closure of ${closure.stream} ends for a use that there was not`);
    this.#closed(closure);
  }

  /** A closure ends for no use that Patchwave saw itself, until a day before or later. */
  async #isNews({ disagreement }: Closure): Promise<void> {
    for (const one of disagreement?.witnessed ?? [])
      if (await this.#wasSeen(one))
        this.#violated(
          `a closure ends for a use of ${this.#life.factory.image(one.digest)?.name} that Patchwave saw itself`,
        );
  }

  /** Inspector may count a task for a day after its end. */
  async #wasSeen({ digest, lastAtEpochMs }: ImageInUse): Promise<boolean> {
    for await (const usage of this.#life.world.usages.endedSince(lastAtEpochMs - DAY_MS))
      if (usage.digest === digest && !usage.isPossible) return true;
    return false;
  }

  /** A person confirmed that its account left, or it began there after the last review of the account. */
  #isNoLongerAsked({ service, sinceEpochMs }: TrueContainer): boolean {
    const { isOutOfSight, isAwayConfirmed, awayReadEpochMs } = this.#life;
    return isOutOfSight(service) && (isAwayConfirmed || sinceEpochMs >= awayReadEpochMs);
  }

  /**
   * Where a closure names no facts, it waits for all that is older than what was verified. What is built on the same content
   * under another digest is not behind.
   */
  #isOlder(part: TrueImage, running: TrueImage, { output }: Closure): boolean {
    const made = this.#life.factory.artifact(output);
    if (!made || part.pushedAtEpochMs >= made.pushedAtEpochMs) return false;
    return part === running || !made.images.some((image) => contentOf(image) === contentOf(part));
  }

  #holds(part: TrueImage, running: TrueImage, fact: CauseFact, atEpochMs: number, share = 1): boolean {
    if (fact.kind === 'age')
      return (
        part.own !== undefined && this.#isOldLayer(part, atEpochMs, share) && !this.#isWaived(running.line, 'age-limit')
      );
    if (fact.kind !== 'finding' || this.#isWaivedIn(running, fact)) return false;
    return this.#holdsPair(part, fact) && this.#holdsPair(running, fact);
  }

  /** The time of a push without an event is unknown, because no review lists the repositories of applications. */
  #mayBeOlder({ tier }: Line, part: TrueImage, { output }: Closure): boolean {
    const made = this.#life.factory.artifact(output);
    return tier === 'application' && this.#life.features.has('events-lost') && made?.images.includes(part) !== true;
  }

  /**
   * A rebuild can make anew what the line had before the verified output: a person moved the tag of its parent back, and the
   * build is reproducible. A push makes no content younger, so what runs is as old as when it was first pushed.
   */
  #hasOlderContent({ name }: Line, part: TrueImage, { output }: Closure): boolean {
    const { factory } = this.#life;
    const made = factory.artifact(output);
    if (!made || made.images.some((image) => contentOf(image) === contentOf(part))) return false;
    return factory
      .madeBy(name)
      .filter(({ pushedAtEpochMs }) => pushedAtEpochMs < made.pushedAtEpochMs)
      .some(({ images }) => images.some((image) => contentOf(image) === contentOf(part)));
  }

  /**
   * Whether Patchwave has reason to say so. It cannot know that a team made the same content once more, so that is as old
   * as it was when it was first made. What a pipeline gave of its cache counts as new only where Patchwave judged that build. What
   * only adds metadata has the content, and so the age, of what it is built on. A build on another parent shows nothing of the content
   * of an earlier one, though its own layer is the same: a chain is confirmed as a whole.
   */
  #mayHold(part: TrueImage, running: TrueImage, fact: CauseFact): boolean {
    const now = this.#life.world.clock();
    if (this.#holds(part, running, fact, now, WARNING)) return true;
    if (fact.kind === 'finding' && !this.#isKnownWaived(running, fact))
      return this.#holdsPair(part, fact) && this.#holdsPair(running, fact);
    if (fact.kind !== 'age' || this.#isWaived(running.line, 'age-limit')) return false;
    // No image undoes the age of what it is built on, so the closure waits for that, too.
    return layersOf(part).some(({ firstMadeAtEpochMs, reconfirmations, claims }) => {
      const reconfirmed = [...reconfirmations, ...claims].filter(({ runId }) => this.#isJudged(runId, part));
      return (
        Math.max(firstMadeAtEpochMs, ...reconfirmed.map(({ atEpochMs }) => atEpochMs)) +
          WARNING * AGE_LIMIT_DAYS * DAY_MS <=
        now
      );
    });
  }

  /** Whether a run made an image once more and its output was found and scanned: only then Patchwave knows of that. */
  #isJudged(runId: string, part: TrueImage): boolean {
    const run = this.#life.pipelines.runs.find(({ executionId }) => executionId === runId);
    if (!run?.output?.images.some((image) => contentOf(image) === contentOf(part))) return false;
    return ['fixed', 'ineffective', 'worse'].includes(this.#outcomeOf(run) ?? '');
  }

  /**
   * A waiver of a line below counts only where a scan found in that image what the image above inherits: one that was deleted, or
   * that no scanner could read, hands no waiver on.
   */
  #isKnownWaived(running: TrueImage, pair: Pair): boolean {
    const { world, archive } = this.#life;
    return lineageOf(running).some((part) => {
      const flaw = archive.flaw(pair.vulnerability);
      const isScanned =
        world.images.records.get(part.digest)?.scan.completedAtEpochMs !== undefined &&
        (!flaw || this.#sight.isCovered(part, flaw));
      return (part === running || isScanned) && this.#isWaivedBy(part, running, pair);
    });
  }

  #holdsPair(image: TrueImage, fact: Pair): boolean {
    const flaw = this.#life.archive.flaw(fact.vulnerability);
    const installed = packagesOf(image).get(fact.package);
    return (
      flaw !== undefined &&
      installed !== undefined &&
      flaw.package === fact.package &&
      isFlawed(flaw, installed.version)
    );
  }

  /** What violates the policy in an image, of all that scanners know at an instant. */
  violatingIn(image: TrueImage, atEpochMs: number, judgedAtEpochMs = this.#life.world.clock()): readonly Flaw[] {
    const { archive } = this.#life;
    return archive
      .flawsIn(packagesOf(image), atEpochMs)
      .filter((flaw) => flaw.severity === 'critical' && this.#sight.isCovered(image, flaw))
      .filter((flaw) => archive.fixOf(flaw, Math.min(atEpochMs, this.#sight.coveredAt(image, flaw))) !== 'no')
      .filter((flaw) => !this.#isWaivedIn(image, pairOf(flaw), judgedAtEpochMs));
  }

  /**
   * Whether of one of the facts no scan that was read shows if each image has it. After a switch to basic scanning the last scan that
   * covered packages of languages tells nothing of a fact that the ledger saw first since then.
   */
  #isUncovered = (images: readonly TrueImage[], facts: Cause['facts']): boolean =>
    facts.some((fact) => {
      const flaw = fact.kind === 'finding' ? this.#life.archive.flaw(fact.vulnerability) : undefined;
      return (
        flaw !== undefined &&
        images.some(
          (image) => !this.#sight.isCovered(image, flaw) || this.#sight.coveredAt(image, flaw) < fact.sinceEpochMs,
        )
      );
    });

  /** A waiver of a line below accepts what an image inherits from there: the same package in the same version. */
  #isWaivedIn = (image: TrueImage, pair: Pair, atEpochMs = this.#life.world.clock()): boolean =>
    lineageOf(image).some((part) => this.#isWaivedBy(part, image, pair, atEpochMs));

  #isWaivedBy(part: TrueImage, image: TrueImage, pair: Pair, atEpochMs = this.#life.world.clock()): boolean {
    const [below, own] = [part, image].map((one) => packagesOf(one).get(pair.package));
    const isSame = below?.version === own?.version && below?.stamp === own?.stamp;
    return isSame && this.#isWaivedItself(part.line, pair.vulnerability, atEpochMs);
  }

  /** A waiver of an age holds for what is built on a line, too. */
  #isWaived(name: string, what: string, atEpochMs = this.#life.world.clock()): boolean {
    const line = this.#life.line(name);
    return [line, ...this.#life.below(line)].some((one) => this.#isWaivedItself(one.name, what, atEpochMs));
  }

  #isWaivedItself(name: string, what: string, atEpochMs = this.#life.world.clock()): boolean {
    const { repository } = this.#life.line(name).location;
    return this.#life.policy.waivers.some(
      (waiver) =>
        isOnDay(waiver, atEpochMs) &&
        (waiver.finding === what || waiver.rule === what) &&
        (waiver.scope?.repositories ?? [repository]).includes(repository),
    );
  }

  #isOld = (image: TrueImage, atEpochMs: number, share = 1): boolean =>
    this.#sight.bornAt(image) + share * AGE_LIMIT_DAYS * DAY_MS <= atEpochMs;

  #isOldLayer = ({ own }: TrueImage, atEpochMs: number, share = 1): boolean =>
    own !== undefined &&
    Math.max(own.madeAtEpochMs, claimedAtEpochMs(own)) + share * AGE_LIMIT_DAYS * DAY_MS <= atEpochMs;

  /** All that may still change: what is open, and what runs. */
  async stateText(): Promise<string> {
    const { world, ecs } = this.#life;
    const causes = await Array.fromAsync(world.causes.open());
    const closures = await Array.fromAsync(world.rollouts.openClosures());
    return JSON.stringify([
      causes.map(({ stream, state, facts, answer }) => [stream, state, facts.map(factText), answer?.reason]),
      // What is refused at each review has another cascade each day.
      closures.map(({ stream, abandoned, waitingFor }) => `${stream} ${abandoned} ${waitingFor}`).sort(),
      ecs.running().map(({ service, image }) => [service, image.name]),
    ]);
  }

  /** Whether a stream waits for what comes by itself: a place of the ramp, which frees one a day, or the end of a stopped build. */
  async awaitsItsTurn(): Promise<boolean> {
    const { world } = this.#life;
    const causes = await Array.fromAsync(world.causes.open());
    if (causes.some(({ answer }) => answer?.reason === 'cap-reached')) return true;
    const locks = (await Array.fromAsync(world.locks.all())).flat();
    return locks.some(({ stream }) => this.#isStoppedForNow(this.#life.lineOf(stream)));
  }

  /**
   * A run that waited for a person has ended well, and people do not let Patchwave act on its stream. Whether it pushed anything is
   * looked at once they let it act again. Until then the stream keeps its lock: for 7 days, not for ever. Where they let it act no
   * lock waits.
   */
  #isStoppedForNow(line: Line | undefined): boolean {
    const { policy, pipelines, clockwork } = this.#life;
    if (!line || modeOf(policy, line, [line.pipeline.account]) === 'enforce') return false;
    const last = pipelines.runs.findLast((run) => run.line === line);
    if (last?.waitedFromEpochMs === undefined || last.state !== 'succeeded' || last.endedAtEpochMs === undefined)
      return false;
    return clockwork.now < last.endedAtEpochMs + RESUMED_WITHIN_MS + PLANNED_WITHIN_MS;
  }

  /** Once nothing changes any more: every violation is fixed and closed, or has an answer that is true. */
  async atRest(): Promise<void> {
    const { world, lines, delivery } = this.#life;
    this.#check('everything comes to its end');
    for await (const cascade of world.cascades.open()) this.#violated(`cascade ${cascade.cascadeId} is open for ever`);
    for await (const locks of world.locks.all())
      for (const lock of locks) this.#violated(`the lock of ${lock.stream} is held for ever`);
    for (const { queue, error } of delivery.poison)
      this.#violated(`a message of queue ${queue} fails for ever: ${error}`);
    const causes = new Map((await Array.fromAsync(world.causes.open())).map((cause) => [cause.stream, cause]));
    const closures = await Array.fromAsync(world.rollouts.openClosures());
    const seen = await this.#imagesSeen();
    for (const line of lines) {
      const cause = causes.get(line.stream);
      if (isImported(line)) {
        if (cause) this.#violated(`${line.name} is imported, and has a cause`);
        continue;
      }
      if (cause) this.#answered(line, cause, causes);
      const open = new Set([
        ...(cause?.facts ?? []).flatMap((fact) => (fact.kind === 'finding' ? fact.vulnerability : [])),
        ...closures.flatMap(({ stream, facts }) =>
          stream === line.stream ? facts.flatMap((fact) => (fact.kind === 'finding' ? fact.vulnerability : [])) : [],
        ),
      ]);
      const sinceEpochMs = world.clock() - SCANNED_WITHIN_MS;
      for (const image of this.#concernedIn(line, seen))
        for (const flaw of this.violatingIn(image, sinceEpochMs))
          if (
            !open.has(flaw.id) &&
            !this.#isWaivedIn(image, pairOf(flaw), sinceEpochMs) &&
            !this.#isLeftToOwner(image, flaw)
          )
            this.#violated(`${image.name} has ${flaw.id}, and nothing is open for ${line.name}`);
      this.#isRenewed(line, causes);
    }
    for (const closure of closures) {
      this.#isStillOpen(closure);
      const newer = closures.find((one) => one.sinceEpochMs > closure.sinceEpochMs && waitsFor(one, closure));
      if (closure.abandoned && newer && newer.sinceEpochMs < this.#life.reviewBeganAtEpochMs)
        this.#violated(`two closures of ${closure.stream} wait for the same for ever`);
    }
    this.#allScanned(seen);
    await this.#rollouts.atRest();
  }

  /** Where Amazon Inspector or Amazon ECR scans all images again, each one that runs has a result. */
  #allScanned(running: readonly TrueImage[]): void {
    const { world, inspector } = this.#life;
    if (!inspector) return;
    this.#check('what runs is scanned again after the trouble');
    for (const image of running) {
      const { verdict, unresolved, scan } = world.images.records.get(image.digest) ?? {};
      const isKept = world.registry.find(this.#life.line(image.line).location, image.digest) !== undefined;
      const isUnscanned = verdict?.reasons.some(({ kind, effect }) => kind === 'scan' && effect === 'unknown');
      if (isKept && !unresolved && isUnscanned)
        this.#violated(`${image.name} stays unknown: ${scan?.state}, ${scan?.reason}, although its registry scans it`);
    }
  }

  /** No cause can tell of it: the verdict does, or says that it knows too little. */
  #isLeftToOwner = (image: TrueImage, flaw: Flaw): boolean =>
    this.#sight.isUnscannable(image, flaw) || this.#sight.isReportedOfBranch(image, flaw);

  /**
   * A head that the policy watches is renewed before its age passes the limit, or an answer says why not: of its line, or of one
   * below that is older yet.
   */
  #isRenewed(line: Line, causes: ReadonlyMap<string, Cause>): void {
    if (!isWatched(line) || [line, ...this.#life.below(line)].some(({ stream }) => causes.has(stream))) return;
    this.#check('a watched head is renewed in time');
    const { factory, world } = this.#life;
    for (const image of factory.headOf(line)?.images ?? [])
      if (this.#isOldLayer(image, world.clock()) && !this.#isWaived(line.name, 'age-limit'))
        this.#violated(`${image.name} is older than ${AGE_LIMIT_DAYS} days, and nothing is open for ${line.name}`);
  }

  neverRests(days: number): void {
    this.#violated(`${days} days of quiet were not enough to come to rest`);
  }

  /** What runs, but for images that ECS does not tell and that the ledger takes for others: of these nothing is compliant. */
  async #imagesSeen(): Promise<readonly TrueImage[]> {
    const seen = new Set<TrueImage>();
    for (const container of this.#life.ecs.running()) {
      if (this.#life.isOutOfSight(container.service)) continue;
      const said = await this.#saidOf(container);
      const isSeen = container.shown === 'digest' || said.some(({ digest }) => digest === container.image.digest);
      if (isSeen || said.some(({ verdict }) => verdict?.status === 'compliant')) seen.add(container.image);
    }
    return [...seen];
  }

  /**
   * What runs of a line, and its head where the policy watches all of its heads, or where something that runs, or a watched head,
   * is built on the line: no function reads the rest. An image below that was deleted before anything read it leads to no line.
   */
  #concernedIn(line: Line, running: readonly TrueImage[]): readonly TrueImage[] {
    const { factory, lines } = this.#life;
    const isOfLine = (one: TrueImage): boolean => one.line === line.name && !this.#sight.isNeverSeen(one);
    const watched = lines.filter(isWatched).flatMap((one) => factory.headOf(one)?.images ?? []);
    const isConcerned =
      line.tier !== 'application' && [...running, ...watched].some((image) => lineageOf(image).some(isOfLine));
    const head = isConcerned ? (factory.headOf(line)?.images ?? []) : [];
    return [...new Set([...head, ...running.filter((image) => image.line === line.name)])];
  }

  #answered(line: Line, cause: Cause, causes: ReadonlyMap<string, Cause>): void {
    const { answer, state } = cause;
    const why = this.#refuted(line, cause, causes);
    if (state !== 'open') this.#violated(`the cause of ${line.name} is taken for ever`);
    else if (!answer) this.#violated(`the cause of ${line.name} has no answer`);
    else if (why) this.#violated(`${line.name} is answered ${answer.reason}, and ${why}: ${answer.detail}`);
  }

  #flawsOf = ({ facts }: Pick<Cause, 'facts'>): readonly Flaw[] =>
    facts.flatMap((fact) => (fact.kind === 'finding' ? (this.#life.archive.flaw(fact.vulnerability) ?? []) : []));

  /** Why the answer to a cause is not true; nothing where it is. */
  #refuted(line: Line, { answer, facts }: Cause, causes: ReadonlyMap<string, Cause>): string | undefined {
    const { policy, archive, world, factory, pipelines, ecs } = this.#life;
    const { detail = '' } = answer ?? {};
    const own = pipelines.runs.filter((run) => run.line === line);
    const last = own.findLast(({ state }) => state !== 'running');
    // A later run may have failed, or a person rejected it: what it was asked for survived the one that made something.
    const made = own.findLast(({ output }) => output !== undefined);
    const flaws = this.#flawsOf({ facts });
    const now = world.clock();
    /** Heads from the line down, and what runs of it: a scan of these must show that a fact is gone. */
    const shows = [
      ...[line, ...this.#life.below(line)].flatMap((one) => factory.headOf(one)?.images ?? []),
      ...ecs
        .running()
        .flatMap(({ image }) => lineageOf(image).filter((one) => one === image || one.line === line.name)),
    ];
    const isUncovered = (): boolean => this.#isUncovered(shows, facts);
    const survives = (): boolean =>
      (made?.output?.images ?? []).some((image) => flaws.some((flaw) => this.#hasFlaw(image, flaw)));
    const headHolds = (): boolean =>
      (factory.headOf(line)?.images ?? []).some((image) => flaws.some((flaw) => this.#hasFlaw(image, flaw)));
    switch (answer?.reason) {
      case 'report-only':
      case 'paused':
        return modeOf(policy, line, [line.pipeline.account]) === answer.reason
          ? undefined
          : 'the policy says otherwise';
      case 'unknown-facts':
        if (!detail.includes(BASIC_ONLY)) return 'that is no answer to rest on';
        return isUncovered() || this.#isUncovered(made?.output?.images ?? [], facts)
          ? undefined
          : 'each scan covers the packages of languages';
      case 'no-fix-seen':
      case 'ineffective':
        if (!last) return 'it was never built';
        return survives() || this.#isWorse(last) || facts.some(({ kind }) => kind === 'age')
          ? undefined
          : `its last build made ${made?.output?.name}, which has none of it`;
      case 'would-not-help': {
        const fixable = flaws.find((flaw) => archive.isMendable(flaw, now - DAY_MS));
        return fixable && flaws.length === facts.length && flaws.every((flaw) => archive.isMendable(flaw, now - DAY_MS))
          ? `the archive has a version without ${fixable.id}`
          : undefined;
      }
      case 'parent-pinned':
        return line.habits.pinsParent ? undefined : 'its pipeline follows its parent';
      case 'attempts-exhausted':
        // Builds that failed, and builds that left on the same parent what they were asked for: also those whose output was
        // worse, so that the head of before stays, with what it has.
        return own.slice(-ATTEMPTS).some((run) => this.#hasFailed(run)) ||
          this.#isUncovered(made?.output?.images ?? [], facts) ||
          survives() ||
          line.habits.pinsParent ||
          (last && this.#isWorse(last) && (headHolds() || facts.some(({ kind }) => kind !== 'finding')))
          ? undefined
          : 'its last builds did not all fail';
      case 'parent-on-hold':
        // A line below needs no cause of its own: a waiver there accepts what the line above may not have.
        return this.#life
          .below(line)
          .some(
            (one) =>
              causes.get(one.stream)?.answer ||
              this.#isWorseImport(one) ||
              flaws.some((flaw) => this.#isAccepted(one, flaw)),
          )
          ? undefined
          : 'nothing below is on hold';
      case 'closing': {
        const head = factory.headOf(line);
        const hasStaleParent = ecs
          .running()
          .some(
            ({ image, shown }) =>
              (image.line === line.name && !head?.images.includes(image)) ||
              (shown !== 'digest' && lineageOf(image).some((one) => one.line === line.name)),
          );
        return hasStaleParent || isUncovered() ? undefined : 'nothing runs but its head';
      }
      default:
        return 'that is no answer to rest on';
    }
  }

  /**
   * It made nothing, came too late for the waiting step, its event was late or lost, or no scan ended in time: that is
   * no failure of the pipeline, and counts as one more build for the same facts.
   */
  #hasFailed(run: TrueRun): boolean {
    const { output, startedAtEpochMs, line } = run;
    const { has } = this.#life.features;
    // The function that verifies died each time, so nothing is known of the output.
    const isUnverified = (has('deaths') || has('failures')) && this.#outcomeOf(run) === 'unverified';
    const isReportLost = line.habits.tellsOutput === 'report' && (has('events-lost') || has('events-late'));
    const isGone = output !== undefined && !this.#life.factory.isKept(output);
    return (
      !output ||
      isGone ||
      output.pushedAtEpochMs >= startedAtEpochMs + BUILD_MS ||
      isReportLost ||
      isUnverified ||
      this.#isUnscanned(output)
    );
  }

  /** What is built directly on it waits for a better image. */
  #isWorseImport(line: Line): boolean {
    const now = this.#life.world.clock();
    const head = isImported(line) ? (this.#life.factory.headOf(line)?.images ?? []) : [];
    return head.some((image) => this.#isOld(image, now) || this.violatingIn(image, now).length > 0);
  }

  #isUnscanned = ({ images, pushedAtEpochMs }: TrueArtifact): boolean =>
    images.some(({ digest }) => (this.#scanned.get(digest) ?? Number.POSITIVE_INFINITY) > pushedAtEpochMs + VERIFY_MS);

  #isWorse({ output, startedAtEpochMs }: TrueRun): boolean {
    return (output?.images ?? []).some((image) => this.violatingIn(image, startedAtEpochMs).length > 0);
  }

  /** When the last review judged, a waiver covered what the head of a line has. */
  #isAccepted = (line: Line, flaw: Flaw): boolean =>
    (this.#life.factory.headOf(line)?.images ?? []).some(
      (image) => this.#hasFlaw(image, flaw) && this.#isWaivedIn(image, pairOf(flaw), this.#life.world.clock() - DAY_MS),
    );

  #hasFlaw = (image: TrueImage, flaw: Flaw): boolean => this.#holdsPair(image, pairOf(flaw));

  /** An open closure waits for something that really runs. */
  #isStillOpen(closure: Closure): void {
    const { ecs, schedules } = this.#life;
    const line = this.#life.lineOf(closure.stream);
    if (!line || closure.abandoned || (closure.outOfSight && this.#life.policy.isAwayLeft)) return;
    const holder = [...ecs.running(), ...schedules.starts()].find(({ image, shown }) => {
      const part = lineageOf(image).find((one) => one.line === line.name);
      // What ECS does not tell may be any image of its repository, and that may be built on any other line.
      if (shown !== 'digest' && (part || line.tier !== 'application')) return true;
      if (part && closure.facts.length === 0)
        return (
          this.#isOlder(part, image, closure) ||
          this.#mayBeOlder(line, part, closure) ||
          this.#hasOlderContent(line, part, closure)
        );
      if (part && this.#isUncovered([part, image], closure.facts)) return true;
      return part && closure.facts.some((fact) => this.#mayHold(part, image, fact));
    });
    if (!holder)
      this.#violated(
        `the closure of ${line.name} stays open though nothing runs that it waits for: ${closure.waitingFor}`,
      );
  }

  #check(statement: string): void {
    this.checks.set(statement, (this.checks.get(statement) ?? 0) + 1);
  }

  #violated(text: string): void {
    this.violations.push(text);
    this.#life.tell(`VIOLATION: ${text}`);
  }
}

const waitsFor = (newer: Closure, { stream, facts }: Closure): boolean =>
  newer.stream === stream &&
  facts.length > 0 &&
  facts.every((fact) => newer.facts.some((one) => factText(one) === factText(fact)));

interface Pair {
  readonly vulnerability: string;
  readonly package: string;
}

const pairOf = (flaw: Flaw): Pair => ({ vulnerability: flaw.id, package: flaw.package });

const iso = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 16);

const sameContent = (one: TrueArtifact, other: TrueArtifact): boolean => contentText(one) === contentText(other);

const contentText = ({ images }: TrueArtifact): string => images.map(contentOf).join(' ');
