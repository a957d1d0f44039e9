import { sameContent } from '../../../shared/domain/common/same-content.ts';
import { type Digest, type Registry, registryKey } from '../../../shared/domain/image/image.ts';
import { readImageReference } from '../../../shared/domain/image/reference.ts';
import { serviceNameOf } from '../../../shared/domain/image/workload-kind.ts';
import type { PublishedEvent } from '../../../shared/domain/outbox/published-event.ts';
import { type Policy, policySchema } from '../../../shared/domain/policy/policy.ts';
import { keepStreamNames } from '../../../shared/domain/stream/keep-names.ts';
import { parse } from '../../../shared/schema.ts';
import { copied } from '../../support/fakes/copied.ts';
import { type WeatheredWorld, weathered } from '../../support/fakes/weather.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { Archive } from './archive.ts';
import { Clockwork } from './clockwork.ts';
import { type EventTrouble, TrueDelivery } from './delivery.ts';
import { type Dice, diceOf } from './dice.ts';
import { Ecs, type TrueContainer, type TrueDeployment } from './ecs.ts';
import { Factory } from './factory.ts';
import type { Features } from './features.ts';
import {
  AWAY,
  drawFleet,
  type FixedPolicy,
  HEAD_PATTERN,
  HEAD_TAG,
  HUB,
  homesOf,
  type Line,
  nameOf,
  type PolicyState,
  policyOf,
} from './fleet.ts';
import { CASCADE_MACHINE_ARN, functionsOver, type QueueName, REVIEW_MACHINE_ARN } from './functions.ts';
import { type HostileNames, namesFor } from './hostile.ts';
import { packagesOf, referenceOf, type TrueArtifact } from './images.ts';
import { type Slowness, slowed } from './invocation.ts';
import { runExecution, type Services, type TrueExecution } from './machine.ts';
import { type Change, watchLedger } from './outbox.ts';
import { Pipelines, type TrueRun } from './pipelines.ts';
import type { Restraints } from './restraints.ts';
import { Schedules } from './schedules.ts';
import type { Uses } from './uses.ts';

const MINUTE_MS = 60_000;
const CALM: EventTrouble = { lost: 0, doubled: 0, late: 0 };

/** Amazon Inspector. */
export interface Inspecting {
  /** Acts on what happened since. */
  follow(): void;
  /** The trouble is over: all of a registry is watched again, or Amazon ECR scans it. */
  calm(registry: Registry, isEnhanced: boolean): void;
}

/** Compares the ledger with the truth. */
export interface Witness {
  changed(change: Change): void;
  begun(run: TrueRun): void;
  /** A run begins to wait for a person. */
  waits(run: TrueRun): void;
  scanned(digest: Digest): void;
  /** Patchwave deploys. */
  deployed(deployment: TrueDeployment): void;
}

const MOST_CASCADES_AN_HOUR = 200;

class EndlessCascadesError extends Error {
  override readonly name = 'EndlessCascadesError';
}

/**
 * A world whose truth is kept apart from the ledger: teams build, push and deploy, packages and flaws are published, and the
 * functions of Patchwave work over the fakes, woken as the template wakes them.
 */
export class Life {
  readonly seed: number;
  readonly features: Features;
  readonly diceFor: (purpose: string) => Dice;
  readonly world: FakeWorld = fakeWorld();
  readonly clockwork = new Clockwork(this.world);
  readonly startedAtEpochMs = this.world.clock();
  readonly names: HostileNames;
  readonly archive: Archive;
  readonly lines: readonly Line[];
  readonly factory: Factory;
  readonly ecs: Ecs;
  readonly pipelines: Pipelines;
  readonly delivery: TrueDelivery;
  readonly trace: string[] = [];
  /** What happens at the calls of functions. */
  readonly sky: WeatheredWorld;
  readonly slowness: Slowness = { share: 0, calls: 0 };
  readonly fixed: FixedPolicy;
  policy: PolicyState = {
    ...{ mode: 'enforce', modes: new Map(), tiers: new Map(), accounts: new Map(), rollouts: new Map() },
    waivers: [],
  };
  /** What a person set, and since when. */
  readonly restraints: Restraints[] = [];
  isPaused = false;
  /** Ends what people let go on for some time only; called at its time, and at the latest when the quiet begins. */
  readonly endings: (() => Promise<void>)[] = [];
  eventTrouble: EventTrouble = CALM;
  /** From then on scans end in time. */
  areScansCalm = true;
  /** How long after the scan before it each scan ends at the earliest; absent where they end together. */
  scanPauseMs: (() => number) | undefined;
  /** A pipeline pushed something. */
  onOutput: (output: TrueArtifact) => void = () => {};
  witness: Witness | undefined;
  /** Present where registries may have enhanced scanning. */
  inspector: Inspecting | undefined;
  /** What AWS sees in use; absent where it says nothing of it. */
  uses: Uses | undefined;
  /** When the last review that read the whole fleet began. */
  reviewBeganAtEpochMs = 0;
  reviews = 0;
  /** When the last review that read all of the account where services may run beside began. */
  awayReadEpochMs = 0;
  /** A person confirmed that closures need not wait for that scope, until a review reads the account again. */
  isAwayConfirmed = false;
  /** Reviews that succeeded: they read all base and platform repositories, and all that runs. */
  readonly fleetReadings: { readonly beganAtEpochMs: number; readonly endedAtEpochMs: number }[] = [];
  /** Lines that also run beside the container of another line. */
  readonly sides = new Set<Line>();
  readonly schedules: Schedules;
  readonly #services = new Map<string, Line>();
  readonly #callDice: Dice;
  readonly #scanDice: Dice;
  readonly #tokens = new Map<string, (answer: unknown) => void>();
  #invocations = 0;
  #scansFollowed = 0;
  #planPauseMs = 15 * MINUTE_MS;
  #isReviewing = false;
  #lastScanEpochMs = 0;

  constructor(seed: number, features: Features) {
    this.seed = seed;
    this.features = features;
    this.diceFor = diceOf(seed);
    this.sky = weathered(this.world, seed);
    this.#callDice = this.diceFor('calls');
    this.#scanDice = this.diceFor('scans');
    this.names = namesFor(features);
    const tells = features.has('fix-unknown') ? 'unknown' : 'by-archive';
    this.archive = new Archive(this.names.versionEnd, tells, this.#packagesOfLanguages());
    this.lines = drawFleet(this.diceFor, features);
    this.fixed = drawPolicy(this.diceFor('policy'), features);
    const { world, clockwork } = this;
    const trace = (text: string): void => this.tell(text);
    world.scanner.completesAtOnce = false;
    world.targets.eks = features.has('pods') && this.diceFor('deployments to EKS').chance(0.75);
    for (const { account, region } of homesOf(this.lines)) world.accounts.add({ id: account, name: account }, [region]);
    const consumer = {
      take: (queue: QueueName, messages: Parameters<ReturnType<typeof functionsOver>['take']>[1]) =>
        this.#functions().take(queue, messages),
    };
    this.delivery = new TrueDelivery(clockwork, consumer, this.diceFor('events'), () => this.eventTrouble);
    this.factory = new Factory({
      ...{ world, archive: this.archive, lines: this.lines, trace, labels: this.names.labels },
      tell: (body) => this.delivery.event('registry', body),
    });
    this.ecs = new Ecs({
      ...{
        world,
        clockwork,
        trace,
        features,
        dice: this.diceFor('ecs'),
        failDice: this.diceFor('failing deployments'),
      },
      artifact: (digest) => this.factory.artifact(digest) ?? this.#aloneArtifact(digest),
      deployed: (deployment) => this.witness?.deployed(deployment),
      shownOf: shownBy(this.diceFor, features),
    });
    this.schedules = new Schedules(this);
    this.pipelines = new Pipelines({
      ...{ world, clockwork, features, trace, factory: this.factory, ecs: this.ecs, lines: this.lines },
      ...{ diceFor: this.diceFor, servicesOf: (line) => this.servicesOf(line) },
      tell: (queue, body) => this.delivery.event(queue, body),
      approvalMs: (this.fixed.guards.approvalHours ?? 168) * HOUR_MS,
      onOutput: (output) => this.onOutput(output),
      onWait: (run) => this.witness?.waits(run),
    });
    this.#watchSlots();
    watchLedger(world, (change, events) => this.#changed(change, events));
    this.#watchTokens();
  }

  /** A line for people, with names instead of digests. */
  tell = (text: string): void => {
    const at = this.world.clock() - this.startedAtEpochMs;
    const [day, rest] = [Math.floor(at / DAY_MS), new Date(at % DAY_MS).toISOString().slice(11, 19)];
    this.trace.push(`day ${day} ${rest} ${this.readable(text)}`);
  };

  /** A text with the names of images and lines in the place of digests and ids of streams. */
  readable(text: string): string {
    const named = text.replaceAll(/sha256:[0-9a-f]{64}/g, (digest) => {
      const known = this.factory.image(digest as Digest) ?? this.factory.artifact(digest as Digest);
      return known ? known.name : digest.slice(0, 14);
    });
    return this.lines.reduce((all, { stream, name }) => all.replaceAll(stream, name), named);
  }

  line(name: string): Line {
    const line = this.lines.find((one) => one.name === name);
    if (!line) throw new Error(`there is no line ${name}`);
    return line;
  }

  lineOf = (stream: string): Line | undefined => this.lines.find((one) => one.stream === stream);
  servicesOf = (line: Line): readonly string[] =>
    [...this.#services].flatMap(([service, of]) => (of === line ? service : []));
  /** What a line is built on, nearest first. */
  below(line: Line): readonly Line[] {
    const below: Line[] = [];
    for (let one = this.#on(line); one; one = this.#on(one)) below.push(one);
    return below;
  }

  #on = ({ on }: Line): Line | undefined => this.lines.find(({ name }) => name === on);

  /** It runs in an account that left: Patchwave knows only what ran there before. */
  isOutOfSight = (service: string): boolean =>
    this.policy.isAwayLeft === true && this.ecs.refOf(service).account === AWAY.account;
  /** The line of its first container. */
  lineOfService = (service: string): Line | undefined => this.#services.get(service);
  /** The line that a container of a task definition names. */
  lineOfReference(reference: string): Line | undefined {
    const { location } = readImageReference(reference) ?? {};
    return this.lines.find((line) => location && sameContent(line.location, location));
  }

  /** They make a difference only where Amazon Inspector finds them. */
  #packagesOfLanguages(): ReadonlySet<string> {
    const { features, names } = this;
    if (!features.has('language-packages') || !features.has('enhanced-scanning')) return new Set();
    const dice = this.diceFor('packages of languages');
    const drawn = ['zlib', 'node', 'icu', 'lodash', 'axios'].filter(() => dice.chance(0.6));
    return new Set(drawn.map((name) => names.package(name)));
  }

  /** Packages, images and services as they are on the day Patchwave is installed. */
  async begin(): Promise<void> {
    const { world, archive, startedAtEpochMs } = this;
    const dice = this.diceFor('history');
    for (const name of ['openssl', 'zlib', 'node', 'icu', 'lodash', 'axios'])
      for (let version = 1; version <= 2; version += 1)
        archive.release(this.names.package(name), startedAtEpochMs - (100 - version) * DAY_MS);
    const oldest = this.features.has('age') ? 38 : 20;
    world.advance(-oldest * DAY_MS);
    const eventsOff = { lost: 1, doubled: 0, late: 0 };
    this.eventTrouble = eventsOff;
    const rounds = dice.pick([1, 1, 2]);
    const pause = Math.floor(((oldest - 1) * DAY_MS) / (rounds * this.lines.length));
    for (let round = 0; round < rounds; round += 1)
      for (const line of this.lines) {
        world.advance(dice.int(1, pause));
        this.factory.build(line, [HEAD_TAG], { readAtEpochMs: world.clock(), fromCache: false });
      }
    for (const line of this.lines)
      for (let n = 1; n <= line.services; n += 1) await this.#createService(line, `${line.name}-service-${n}`, dice);
    world.advance(startedAtEpochMs - world.clock());
    this.eventTrouble = CALM;
    await this.publishPolicy(this.policy);
    for (const line of this.lines) this.tell(this.#describe(line));
  }

  async #createService(line: Line, name: string, dice: Dice): Promise<void> {
    const own = this.diceFor(`pods of ${name}`);
    const [arePods, reportsIndex] = [own.chance(0.6) && this.features.has('pods'), own.chance(0.5)];
    // Kubernetes admits only plain names.
    const service = arePods
      ? serviceNameOf({ workloadKind: 'eks-deployment', workload: `shop/${name}` })
      : this.names.service(name, this.#services.size);
    const byDigest = dice.chance(0.5) && line.rollout !== 'restart';
    const head = this.factory.headOf(line);
    if (!head) throw new Error(`${line.name} has no head`);
    const reference = referenceOf(line, byDigest ? head.digest : HEAD_TAG);
    this.#services.set(service, line);
    const main = { name: this.names.container, image: reference };
    const containers = [main, ...this.#sidesOf(line, service)];
    await this.ecs.create(line, service, containers, this.world.clock(), arePods ? { reportsIndex } : undefined);
  }

  /** A second container of another application, which its own team builds. */
  #sidesOf(line: Line, service: string): readonly { readonly name: string; readonly image: string }[] {
    const dice = this.diceFor(`side of ${service}`);
    const others = this.lines.filter((one) => one.tier === 'application' && one !== line);
    const [has, isByDigest] = [dice.chance(0.8), dice.chance(0.2)];
    if (!this.features.has('side-containers') || !has || others.length === 0) return [];
    const side = dice.pick(others);
    const head = this.factory.headOf(side);
    if (!head) throw new Error(`${side.name} has no head`);
    this.sides.add(side);
    const mode = dice.pick(['enforce', 'enforce', 'paused', 'report-only'] as const);
    if (mode !== 'enforce') this.policy = { ...this.policy, modes: new Map(this.policy.modes).set(side.name, mode) };
    this.tell(`${service} has a container of ${side.name}, which is ${mode}`);
    return [{ name: this.names.side, image: referenceOf(side, isByDigest ? head.digest : HEAD_TAG) }];
  }

  #describe(line: Line): string {
    const { name, on, habits, rollout, promotes, isMetadataOnly } = line;
    const habit = Object.entries(habits).flatMap(([key, value]) =>
      value && value !== 'variable' ? `${key}=${value}` : [],
    );
    const head = this.factory.headOf(line);
    const parts = [
      `${name}${on ? ` on ${on}` : ''}: head ${head?.name}`,
      ...(isMetadataOnly ? ['metadata only'] : []),
      ...(promotes ? ['candidates'] : []),
      ...(line.tier === 'application' ? [`rollout ${rollout}`, `${line.services} services`] : []),
      ...habit,
    ];
    return parts.join(', ');
  }

  async publishPolicy(state: PolicyState): Promise<void> {
    this.policy = state;
    this.#restrain();
    const { policies } = this.world;
    const replaces = await policies.current().then(
      ({ version }) => version,
      () => undefined,
    );
    const document = parse(policySchema, policyOf(this.lines, this.fixed, state));
    const history = (await policies.history()).applied.map(({ policy }) => policy);
    // Where it is asked which streams go on, a person gives their names.
    const isClear = keepStreamNames(history, document).unclear.length === 0;
    const kept = keepStreamNames(history, isClear ? document : named(document));
    const version = await policies.publish(kept.policy, replaces === undefined ? {} : { replaces });
    if (version !== replaces) this.delivery.event('plan', JSON.stringify({ 'detail-type': 'PolicyChanged' }));
  }

  #restrain(): void {
    const { policy, isPaused } = this;
    this.restraints.push({ policy, isPaused, sinceEpochMs: this.world.clock() });
  }

  /** A person stops Patchwave, or lets it go on. */
  async pause(isPaused: boolean): Promise<void> {
    this.isPaused = isPaused;
    this.#restrain();
    const { world } = this;
    const change = { by: 'a person', reason: 'maintenance of the build network', atEpochMs: world.clock() };
    await world.killSwitch.set({ ...change, rebuilding: isPaused ? 'paused' : 'active' });
  }

  /** Begins what runs by itself: the planner's schedule, and what follows from the acts of functions. */
  run(): void {
    this.clockwork.spawn(() => this.#planNowAndThen());
  }

  /** Runs until an instant; the requests of functions begin at once. */
  runUntil(epochMs: number, afterEach: () => void): Promise<void> {
    return this.clockwork.runUntil(epochMs, () => {
      this.#follow();
      afterEach();
    });
  }

  #follow(): void {
    const { world, delivery, clockwork } = this;
    this.pipelines.follow((run) => this.witness?.begun(run));
    this.ecs.followDeployer();
    this.inspector?.follow();
    this.uses?.follow();
    for (const { location, digest } of world.scanner.started.slice(this.#scansFollowed)) {
      this.#scansFollowed += 1;
      clockwork.spawn(() => this.#scan(location, digest));
    }
    for (const body of world.refreshes.take()) delivery.send('registry', body);
    for (const body of world.judging.take()) delivery.send('scan', body);
    for (const body of world.following.take()) delivery.send('head', body);
    for (const body of world.ends.take()) delivery.send('end', body);
    for (const body of world.wakings.take()) delivery.send('plan', body);
    for (const cascadeId of world.executions.started.slice(this.#cascades)) {
      this.#cascades += 1;
      this.#boundCascades();
      clockwork.spawn(() => this.#runCascade(cascadeId));
    }
  }
  #cascades = 0;
  readonly #begunAtEpochMs: number[] = [];

  /** A plan that repeats without an end would never let the story end. */
  #boundCascades(): void {
    const now = this.world.clock();
    this.#begunAtEpochMs.push(now);
    if ((this.#begunAtEpochMs.at(-MOST_CASCADES_AN_HOUR) ?? 0) > now - HOUR_MS)
      throw new EndlessCascadesError(`${MOST_CASCADES_AN_HOUR} cascades began within an hour`);
  }

  /** The whole fleet is reviewed, as every night. */
  async review(): Promise<void> {
    if (this.#isReviewing) return;
    this.#isReviewing = true;
    this.reviews += 1;
    const began = this.world.clock();
    const id = `arn:aws:states:eu-west-1:111122223333:execution:fleet-review:review-${this.reviews}`;
    this.reviewBeganAtEpochMs = began;
    const [readBefore, wasConfirmed] = [this.awayReadEpochMs, this.isAwayConfirmed];
    const isAsked = !this.policy.isAwayLeft;
    if (isAsked) [this.awayReadEpochMs, this.isAwayConfirmed] = [began, false];
    const ended = await this.#runExecution('fleet-review', { id, input: {}, startedAtEpochMs: began });
    if (isAsked && !(await this.#isAwayRead(began)))
      [this.awayReadEpochMs, this.isAwayConfirmed] = [readBefore, wasConfirmed];
    if (ended.status === 'SUCCEEDED')
      this.fleetReadings.push({ beganAtEpochMs: began, endedAtEpochMs: this.world.clock() });
    this.tell(`review ${this.reviews} ${ended.status}${ended.cause ? `: ${ended.cause.slice(0, 300)}` : ''}`);
    this.#isReviewing = false;
  }

  async #runCascade(cascadeId: string): Promise<void> {
    const { world } = this;
    const id = world.executions.arnOf(cascadeId);
    this.tell(`cascade ${cascadeId} starts: ${await this.#nodesOf(cascadeId)}`);
    const execution = { id, input: { cascadeId }, startedAtEpochMs: world.clock() };
    const ended = await this.#runExecution('rebuild-cascade', execution);
    world.executions.end(cascadeId, ended.status === 'SUCCEEDED' ? 'succeeded' : 'failed');
    this.tell(`cascade ${cascadeId} ${ended.status}${ended.cause ? `: ${ended.cause.slice(0, 500)}` : ''}`);
    this.delivery.event('end', this.#endedEvent(CASCADE_MACHINE_ARN, execution, ended));
  }

  async #nodesOf(cascadeId: string): Promise<string> {
    const nodes = await Array.fromAsync(this.world.cascades.nodes(cascadeId));
    return nodes.map(({ stream, wave, work }) => `${wave} ${work} ${nameOf(this.lines, stream)}`).join(', ');
  }

  #endedEvent(
    stateMachineArn: string,
    { id, startedAtEpochMs }: TrueExecution,
    { status, error, cause }: Awaited<ReturnType<typeof runExecution>>,
  ): string {
    return JSON.stringify({
      ...{ source: 'aws.states', 'detail-type': 'Step Functions Execution Status Change', resources: [] },
      ...{ account: HUB.account, region: HUB.region, time: new Date(this.world.clock()).toISOString() },
      detail: {
        ...{ executionArn: id, stateMachineArn, status, startDate: startedAtEpochMs },
        ...(error !== undefined && { error }),
        ...(cause !== undefined && { cause }),
      },
    });
  }

  /** The account says so of itself and of its clusters; while it does not, it may run anything. */
  async #isAwayRead(sinceEpochMs: number): Promise<boolean> {
    const known = await Array.fromAsync(this.world.scopes.all());
    const own = known.filter(({ scope }) => registryKey(scope) === registryKey(AWAY));
    return own.length > 0 && own.every(({ completeAtEpochMs = 0 }) => completeAtEpochMs >= sinceEpochMs);
  }

  async #runExecution(name: string, execution: TrueExecution) {
    const services: Services = {
      clockwork: this.clockwork,
      invoke: async (of, payload) => this.#functions().step(of, payload),
      document: (key) => this.world.runFiles.get(key),
      awaitToken: () => this.#awaitToken(),
      random: () => this.#callDice.between(0, 1),
    };
    const ended = await runExecution(name, execution, services);
    if (name === 'fleet-review' && ended.status !== 'SUCCEEDED')
      this.delivery.event('end', this.#endedEvent(REVIEW_MACHINE_ARN, execution, ended));
    return ended;
  }

  /** The functions as one invocation sees the world. */
  #functions(): ReturnType<typeof functionsOver> {
    this.#invocations += 1;
    const { clockwork, slowness } = this;
    const seen = slowed(this.sky.process(), this.world, { clockwork, slowness, dice: this.#callDice });
    return functionsOver(seen, this.clockwork.sleep, {
      requestId: `request-${this.#invocations}`,
      isInspected: this.inspector !== undefined,
    });
  }

  #awaitToken(): ReturnType<Services['awaitToken']> {
    const token = `token-${this.#invocations}-${this.#tokens.size}`;
    const { waitingStep } = this.world;
    waitingStep.wait(token);
    const answer = new Promise<unknown>((resolve) => this.#tokens.set(token, resolve));
    return { token, answer, giveUp: () => void waitingStep.giveUp(token) };
  }

  /** A cap or the ramp made a difference where it had no place. */
  #watchSlots(): void {
    const { slots } = this.world;
    const take = slots.take.bind(slots);
    slots.take = async (scope, ...asked) => {
      const isTaken = await take(scope, ...asked);
      const feature = scope === 'ramp' ? 'ramp' : scope.startsWith('account/') ? 'account-caps' : undefined;
      if (!isTaken && feature && this.features.has(feature)) this.features.note(feature);
      return isTaken;
    };
  }

  #watchTokens(): void {
    const { waitingStep } = this.world;
    const succeed = waitingStep.succeed.bind(waitingStep);
    waitingStep.succeed = async (token, output) => {
      const isHeard = await succeed(token, output);
      if (isHeard) this.#tokens.get(token)?.(copied(output));
      return isHeard;
    };
  }

  #changed(change: Change, events: readonly PublishedEvent[]): void {
    this.#planPauseMs = 15 * MINUTE_MS;
    for (const { detailType, detail, resources } of events) {
      const queue = detailType === 'HeadMoved' ? 'head' : PLANNED_BY.has(detailType) ? 'plan' : undefined;
      if (!queue) continue;
      const body = {
        ...{ source: 'patchwave', 'detail-type': detailType, detail, resources },
        ...{ account: HUB.account, region: HUB.region, time: new Date(this.world.clock()).toISOString() },
      };
      this.delivery.event(queue, JSON.stringify(body));
    }
    this.#traceChange(change);
    this.witness?.changed(change);
  }

  #traceChange(change: Change): void {
    switch (change.kind) {
      case 'rebuild': {
        const { before, after } = change;
        if (after.outcome && !before?.outcome)
          this.tell(
            `${nameOf(this.lines, after.stream)}: rebuild ${JSON.stringify(after.outcome)} output ${after.output}`,
          );
        return;
      }
      case 'closure': {
        const { stream, state, waitingFor, facts, output, abandoned } = change.after;
        const text = facts.map((fact) => ('vulnerability' in fact ? fact.vulnerability : fact.kind)).join(', ');
        this.tell(
          `${nameOf(this.lines, stream)}: closure of ${text} (${output}) ${abandoned ? 'abandoned' : state} ${waitingFor ?? ''}`,
        );
        return;
      }
      case 'cause': {
        const { stream, state, facts, answer } = change.after;
        const text = facts.map((fact) => ('vulnerability' in fact ? fact.vulnerability : fact.kind)).join(', ');
        this.tell(
          `${nameOf(this.lines, stream)}: cause ${state} ${text} ${answer ? `${answer.reason}: ${answer.detail}` : ''}`,
        );
        return;
      }
      case 'deployment': {
        const { service, state, detail = '' } = change.after;
        if (state !== change.before?.state) this.tell(`deployment of ${service} ${state} ${detail}`);
        return;
      }
      case 'image': {
        const { before, after } = change;
        if (after.verdict && after.verdict.status !== before?.verdict?.status)
          this.tell(`${after.digest}: verdict ${after.verdict.status}`);
        return;
      }
      default:
    }
  }

  async #scan(location: Parameters<FakeWorld['scanner']['start']>[0], digest: Digest): Promise<void> {
    const { world, features, clockwork } = this;
    const dice = this.#scanDice;
    const [seconds, lateMinutes, isLate, isNever] = [
      dice.int(5, 300),
      dice.int(30, 900),
      dice.chance(0.2),
      dice.chance(0.1),
    ];
    if (!this.areScansCalm && isNever && features.has('scans-never')) {
      features.note('scans-never');
      return;
    }
    const isSlow = !this.areScansCalm && isLate && features.has('scans-late');
    if (isSlow) features.note('scans-late');
    await clockwork.sleep(isSlow ? lateMinutes * MINUTE_MS : seconds * 1000);
    await this.#awaitTurn();
    this.completeScan(digest);
    const detail = { 'scan-status': 'COMPLETE', 'repository-name': location.repository, 'image-digest': digest };
    const event = {
      ...{ source: 'aws.ecr', 'detail-type': 'ECR Image Scan', time: new Date(world.clock()).toISOString() },
      ...{ resources: [], account: location.account, region: location.region, detail },
    };
    this.delivery.event('scan', JSON.stringify(event));
  }

  async #awaitTurn(): Promise<void> {
    const { clockwork, features, scanPauseMs } = this;
    if (!scanPauseMs) return;
    const turnEpochMs = Math.min(
      Math.max(clockwork.now, this.#lastScanEpochMs + scanPauseMs()),
      clockwork.now + 10 * HOUR_MS,
    );
    this.#lastScanEpochMs = turnEpochMs;
    if (turnEpochMs === clockwork.now) return;
    features.note('heads-one-by-one');
    await clockwork.sleep(turnEpochMs - clockwork.now);
  }

  /** A scan finds what the archive knows by then. */
  completeScan(digest: Digest): void {
    const image = this.factory.image(digest);
    if (image) this.world.scanner.finds(digest, this.archive.basicFindingsIn(packagesOf(image), this.world.clock()));
    this.world.scanner.finish(digest);
    this.witness?.scanned(digest);
  }

  /** Every 15 minutes; where nothing comes of it, and nothing changed, more seldom: it would do the same again. */
  async #planNowAndThen(): Promise<void> {
    for (;;) {
      await this.clockwork.sleep(this.#planPauseMs);
      this.#planPauseMs = Math.min(this.#planPauseMs * 2, 4 * HOUR_MS);
      this.delivery.send('plan', '{}');
    }
  }

  #aloneArtifact(digest: Digest): TrueArtifact | undefined {
    const image = this.factory.image(digest);
    if (!image) return undefined;
    const { name, line, pushedAtEpochMs } = image;
    return { digest, name, line, pushedAtEpochMs, images: [image], isIndex: false };
  }
}

/** With the name that each stream has since the beginning. */
const named = (policy: Policy): Policy => ({
  ...policy,
  streams: policy.streams.map((rule) => ({
    ...rule,
    names: Object.fromEntries(rule.headTags.map((headTag) => [headTag, HEAD_PATTERN])),
  })),
});

const PLANNED_BY = new Set(['RebuildNeeded', 'FleetReviewed', 'PolicyChanged']);

function drawPolicy(dice: Dice, features: Features): FixedPolicy {
  const [concurrentRebuilds, coolDownMinutes] = [dice.pick([1, 2, 3]), dice.pick([0, 0, 60])];
  const [perAccount, ramp, approvalHours] = [dice.pick([1, 1, 2]), dice.pick([1, 2, 3]), dice.pick([24, 168])];
  return {
    caps: {
      ...(features.has('caps') && { concurrentRebuilds }),
      ...(features.has('account-caps') && { perAccount }),
      ...(features.has('ramp') && { ramp }),
    },
    guards: { coolDownMinutes, retryUnknownFixDays: 7, attempts: 3, approvalHours },
  };
}

/** For some services ECS reports no digest, always or now and then; for some of these not even when they pulled. */
function shownBy(diceFor: (purpose: string) => Dice, features: Features): (service: string) => TrueContainer['shown'] {
  if (!features.has('digests-not-reported')) return () => 'digest';
  const shares = new Map<string, { readonly dice: Dice; readonly hidden: number; readonly isPullShown: boolean }>();
  return (service) => {
    const dice = diceFor(`told of ${service}`);
    const drawn = { dice, hidden: dice.pick([0.5, 1, 1]), isPullShown: dice.chance(0.7) };
    const share = shares.get(service) ?? drawn;
    shares.set(service, share);
    if (!share.dice.chance(share.hidden)) return 'digest';
    return share.isPullShown ? 'pull' : 'nothing';
  };
}
