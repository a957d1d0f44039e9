import { ClusterUnreachableError } from '../../../../shared/ports/cluster-errors.ts';
import type { Dice } from '../dice.ts';
import { type Due, NOTICE_MS, StartOracle } from './oracle.ts';
import type { PolicyText, TrueSpan, WeekImage } from './records.ts';
import { type Answered, type Container, HOME, type NamedWorkload, type Recipe, WeekWorld } from './world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Friday, an hour before the first review. */
const BEGAN_EPOCH_MS = Date.UTC(2026, 10, 20, 2);
const DAYS = 12;
/** Days since the first Friday. */
const [TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SECOND_MONDAY] = [4, 5, 6, 7, 10];

const at = (day: number, hour: number, minute = 0): number => Date.UTC(2026, 10, 20 + day, hour, minute);

export interface WeekResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly trace: readonly string[];
  readonly milliseconds: number;
}

/**
 * Whether weeks have rules that get stricter on Thursday, and rules that images break from the first day. `hunt.ts --rules` draws them:
 * four of 200 seeds still differ (225, 229, 231, 233).
 */
const ARE_RULES_HELD = true;

/** The week of one seed, with counts of what the doors said and of what they owed. */
export async function tellWeek(seed: number, areRulesHeld = ARE_RULES_HELD): Promise<WeekResult> {
  const began = process.cpuUsage();
  const story = new Story(seed, areRulesHeld);
  await story.tell();
  const { violations, counts, world } = story;
  return {
    ...{ seed, violations, counts: Object.fromEntries(counts), trace: world.trace },
    milliseconds: process.cpuUsage(began).user / 1000,
  };
}

/** A workload with the image that it names now. */
interface Workload {
  readonly place: string;
  readonly name: string;
  readonly kind: Container['kind'];
  image: WeekImage;
  readonly replicas: number;
}

const namedBy = ({ name, kind, image }: Workload): NamedWorkload => ({ workload: name, kind, image });

class Story {
  readonly world: WeekWorld;
  readonly violations: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #oracle: StartOracle;
  readonly #nodes: Dice;
  readonly #workloads: Workload[] = [];
  readonly #areRulesHeld: boolean;
  /** Day on which the door of the cluster `main` begins to judge; absent if it judges from the first day. */
  readonly #doorOfMainFromDay: number | undefined;
  #policy: Omit<PolicyText, 'atEpochMs'>;
  #stricterAtEpochMs = 0;
  /** When the stricter rules are gone; absent if they stay. */
  #loosened: TrueSpan | undefined;
  /** The rules get stricter while the review of that day goes on, before it reads what runs. */
  readonly #isStricterInReview: boolean;

  constructor(seed: number, areRulesHeld: boolean) {
    this.#areRulesHeld = areRulesHeld;
    this.world = new WeekWorld(seed, BEGAN_EPOCH_MS);
    this.#nodes = this.world.dice('platforms');
    this.#oracle = new StartOracle(this.world.truth);
    const late = this.world.dice('late door');
    const [isLate, day] = [late.chance(0.3), late.int(WEDNESDAY, SECOND_MONDAY)];
    this.#doorOfMainFromDay = isLate ? day : undefined;
    this.#isStricterInReview = areRulesHeld && this.world.dice('rules in a review').chance(0.25);
    const dice = this.world.dice('policy');
    this.#policy = {
      graceRunningDays: dice.pick([3, 7, 7, 14]),
      ...{ ageLimitDays: 30, findingGraceDays: dice.pick([0, 0, 1]), staleScanHours: 48 },
      ...{
        rules: areRulesHeld ? dice.pick([[], [], ['nonRoot']] as const) : [],
        unapproved: [],
        warns: ['prod/legacy', 'prod/annex'],
      },
    };
    if (this.#doorOfMainFromDay !== undefined) this.#policy = { ...this.#policy, isOffIn: ['main'] };
  }

  async tell(): Promise<void> {
    const { world } = this;
    await world.applyPolicy(this.#policy);
    this.#install();
    for (let day = 0; day < DAYS; day += 1) {
      const readsAfterMinutes = this.#isStricterInReview && day === FRIDAY ? 10 : 0;
      world.clockwork.at(at(day, 3), () => world.review(readsAfterMinutes));
      world.clockwork.at(at(day, 12), () => this.#readLists());
    }
    this.#drainNodes();
    this.#runJobs();
    this.#closeOffice();
    this.#deployAndUndo();
    this.#meetTrouble();
    this.#changePolicy();
    this.#tryBadImages();
    this.#tryBehindGoodImages();
    this.#tryAgainstRules();
    this.#startAroundRules();
    this.#copyImages();
    await world.runUntil(at(DAYS, 2));
  }

  /** Later steps at an instant. */
  #later(epochMs: number, act: () => void | Promise<void>): void {
    this.world.clockwork.at(epochMs, act);
  }

  /** An image whose faults the dice choose. */
  #image(name: string, recipe: Partial<Recipe> = {}): WeekImage {
    const dice = this.world.dice(`image ${name}`);
    return this.world.push({
      name,
      repository: `${dice.chance(0.2) ? 'tools' : 'apps'}/${name.replace(/-v\d+$/, '')}`,
      tag: dice.chance(0.25) ? `v${dice.int(1, 9)}` : `3f9c2a${dice.int(1, 9)}-${dice.int(1, 99)}`,
      isRoot: dice.chance(0.25),
      namesSource: !dice.chance(0.25),
      isIndex: dice.chance(0.25),
      builtAtEpochMs: this.world.now - dice.pick([1, 2, 9, 15, 22, 24, 33]) * DAY_MS,
      ...recipe,
    });
  }

  /** What runs before Patchwave comes. */
  #install(): void {
    const add = (
      place: string,
      name: string,
      kind: Container['kind'],
      replicas: number,
      recipe: Partial<Recipe> = {},
      image = this.#image(`${name}-v1`, recipe),
    ): void => {
      const workload = { place, name, kind, replicas, image };
      this.#workloads.push(workload);
      for (let n = 0; n < replicas; n += 1)
        this.world.begin({ workload: name, kind }, place, workload.image.digest, BEGAN_EPOCH_MS - DAY_MS);
    };
    for (const name of ['web', 'api', 'search']) add('prod/shop', name, 'eks-deployment', 2);
    for (const name of ['desk', 'wiki']) add('prod/office', name, 'eks-deployment', 1);
    add('prod/legacy', 'archive', 'eks-deployment', 1);
    for (const name of ['report', 'backup']) add('prod/batch', name, 'eks-cronjob', 0);
    add('prod/batch', 'queue', 'eks-deployment', 0);
    // Before the door of `main` judges, the images of an index for other nodes are known only by what runs elsewhere.
    const isShared = this.#doorOfMainFromDay !== undefined;
    add('main', 'cart', 'ecs-service', 2, isShared ? { isIndex: true } : {});
    if (isShared) add('prod/shop', 'basket', 'eks-deployment', 1, {}, this.#workload('cart').image);
    for (const one of this.#workloads)
      if (one.replicas === 0) this.world.addTemplate(namedBy(one), one.place, BEGAN_EPOCH_MS - DAY_MS);
  }

  #workload(name: string): Workload {
    const workload = this.#workloads.find((one) => one.name === name);
    if (!workload) throw new Error(`there is no workload ${name}`);
    return workload;
  }

  #containersOf = ({ name, place }: Workload): readonly Container[] =>
    this.world.containers.filter(({ workload, run }) => workload === name && run.place === place);

  /** Asks the door, and compares its answer with the truth. */
  async #start(workload: Workload, image = workload.image): Promise<Container | undefined> {
    const { world } = this;
    const { place, name, kind } = workload;
    const owed = this.#oracle.due({ atEpochMs: world.now, place, digest: image.digest });
    const answered = await world.ask(place, image, name);
    this.#compare('door', owed, answered, `${name} (${image.name}) in ${place}`);
    if (world.truth.copies.some(({ digest }) => digest === image.digest))
      this.#count(`copied: ${owed.due} and ${answered.decision === 'deny' ? 'refused' : 'started'}`);
    if (owed.due === 'must-start' && owed.alarm) this.#hear(image, owed.alarm);
    if (owed.due === 'must-end') this.#seeAnnouncement(image, place);
    // Its node has one platform or the other; new nodes come where a door judges.
    const platform = this.#policy.isOffIn?.includes(place) ? 0 : this.#nodes.int(0, 1);
    return answered.decision === 'deny'
      ? undefined
      : world.begin({ workload: name, kind, platform }, place, image.digest);
  }

  /** Patchwave told of its doubt long before the door refuses. */
  #hear({ name, contents }: WeekImage, { fromEpochMs, toEpochMs }: TrueSpan): void {
    const isTold = this.world.alarms.some(
      ({ digest, atEpochMs }) => contents.includes(digest) && fromEpochMs <= atEpochMs && atEpochMs <= toEpochMs,
    );
    this.#count(`doubt ${isTold ? 'told' : 'untold'} in its first hour`);
    if (!isTold) this.#violate(`alarm: ${name} (doubt until ${instantText(toEpochMs)}) is not told of`);
  }

  /** A review announced the end of the grace. */
  #seeAnnouncement({ name, digest, contents }: WeekImage, place: string): void {
    const announcedByEpochMs = this.#oracle.announcedBy({ atEpochMs: this.world.now, place, digest });
    if (announcedByEpochMs === undefined) {
      this.#count('end of a grace that no review can announce');
      return;
    }
    const isAnnounced = this.world.announcements.some(
      (one) =>
        one.place === place &&
        (one.digest === digest || contents.includes(one.digest)) &&
        one.atEpochMs <= announcedByEpochMs &&
        one.deniedFromEpochMs <= this.world.now &&
        one.deniedFromEpochMs - NOTICE_MS <= one.atEpochMs,
    );
    this.#count(`end of a grace ${isAnnounced ? 'announced' : 'unannounced'}`);
    if (!isAnnounced)
      this.#violate(`announcement: ${name} in ${place} is not announced by ${instantText(announcedByEpochMs)}`);
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  #violate(what: string): void {
    const text = `${instantText(this.world.now).slice(0, 16)} ${what}`;
    this.violations.push(text);
    this.world.tell(`VIOLATION ${text}`);
  }

  #compare(
    door: string,
    { due, why, carriedBy }: ReturnType<StartOracle['due']>,
    { decision, ruleId }: Answered,
    what: string,
  ): void {
    const isRefused = decision === 'deny';
    this.#count(`${door}: ${due} and ${isRefused ? 'refused' : 'started'}`);
    if (due === 'must-start' && !isRefused && door === 'door')
      for (const kind of new Set(carriedBy)) this.#count(`carried over a ${kind}`);
    if (due === 'open' || isRefused === REFUSED[due]) return;
    this.#violate(`${door}: ${what} ${due} (${why}), the answer is ${decision} ${ruleId ?? ''}`);
  }

  /** Every EKS place and image that ever ran or was tried, by a list that is published now. */
  async #readLists(): Promise<void> {
    const { world } = this;
    const listed = await world.lists();
    const places = new Set(this.#workloads.map(({ place }) => place).filter((place) => place !== 'main'));
    for (const place of places)
      for (const { digest, name, repository } of world.truth.images.values()) {
        // A door with a list judges the name by itself.
        if (this.#policy.unapproved.some((beginning) => repository.startsWith(beginning))) continue;
        const owed = this.#oracle.due({ atEpochMs: world.now, place, digest });
        this.#compare('list', owed, { decision: listed(place, digest) }, `${name} in ${place}`);
      }
  }

  /** A node leaves each hour, so its pods start again. */
  #drainNodes(): void {
    const dice = this.world.dice('nodes');
    for (let day = 0; day < DAYS; day += 1)
      for (let hour = day === 0 ? 4 : 0; hour < 24; hour += 1)
        for (let pods = 6; pods > 0; pods -= 1)
          this.#later(at(day, hour, dice.int(0, 59)), async () => {
            const chosen = dice.pick(this.#workloads.filter(({ kind }) => kind !== 'eks-cronjob'));
            const [one] = this.#containersOf(chosen);
            if (one) await this.#replace(chosen, one);
          });
  }

  /** The new pod starts when the old one has ended; refused, its controller tries again. */
  async #replace(workload: Workload, old: Container): Promise<void> {
    this.world.end(old);
    const image = this.world.truth.images.get(old.run.digest) ?? workload.image;
    const { name, place } = workload;
    for (let tries = 0; tries < 6; tries += 1) {
      if (await this.#start(workload, image)) return this.world.endTemplate(name, place);
      // Without a pod its template is read.
      if (this.#containersOf(workload).length === 0) this.world.addTemplate({ ...namedBy(workload), image }, place);
      await this.world.clockwork.sleep(HOUR_MS);
      if (workload.image !== image) return;
    }
  }

  /** Jobs at night, and a queue that scales from zero by day. None of them runs when a review reads the clusters. */
  #runJobs(): void {
    const dice = this.world.dice('jobs');
    const once = async (name: string, minutes: number): Promise<void> => {
      const started = await this.#start(this.#workload(name));
      if (!started) return;
      await this.world.clockwork.sleep(minutes * MINUTE_MS);
      this.world.end(started);
    };
    for (let day = 0; day < DAYS; day += 1) {
      for (const name of ['report', 'backup']) this.#later(at(day, 23, dice.int(0, 59)), () => once(name, 20));
      for (let n = dice.int(0, 3); n > 0; n -= 1)
        this.#later(at(day, dice.int(6, 20), dice.int(0, 59)), () => once('queue', dice.int(10, 90)));
    }
  }

  /** A namespace is off from Friday evening to Monday morning. */
  #closeOffice(): void {
    const names = ['desk', 'wiki'];
    for (const friday of [0, FRIDAY]) {
      this.#later(at(friday, 19), () => {
        for (const name of names) {
          const workload = this.#workload(name);
          this.world.addTemplate(namedBy(workload), workload.place);
          for (const one of this.#containersOf(workload)) this.world.end(one);
        }
      });
      for (const name of names)
        this.#later(at(friday + 3, 7), async () => {
          const workload = this.#workload(name);
          for (let tries = 0; tries < 4; tries += 1) {
            // Refused, it has no pod, so that its template is still read.
            if (await this.#start(workload)) return this.world.endTemplate(name, workload.place);
            await this.world.clockwork.sleep(HOUR_MS);
          }
        });
    }
  }

  /** A new version comes, and is taken back some days later. A fixed one follows. */
  #deployAndUndo(): void {
    const dice = this.world.dice('deployments');
    const first = this.#workload('api');
    const before = first.image;
    let next: WeekImage | undefined;
    this.#later(at(TUESDAY, 8), () => {
      next = this.#image('api-v2', {
        isRoot: false,
        namesSource: true,
        tag: '3f9c2a1-18',
        builtAtEpochMs: this.world.now,
      });
    });
    this.#later(at(TUESDAY, 10), async () => {
      if (next) await this.#deploy(first, next);
    });
    this.#later(at(dice.pick([WEDNESDAY, THURSDAY, FRIDAY]), dice.int(9, 20)), () => this.#deploy(first, before));
    const web = this.#workload('web');
    let fixed: WeekImage | undefined;
    this.#later(at(FRIDAY, 8), () => {
      fixed = this.#image('web-v2', {
        ...{ isFlawed: false, isRoot: false, namesSource: true, tag: '3f9c2a1-19', repository: 'apps/web' },
        builtAtEpochMs: this.world.now,
      });
    });
    this.#later(at(FRIDAY, 11), async () => {
      if (fixed) await this.#deploy(web, fixed);
    });
  }

  /** Pod after pod is replaced, as long as the door lets the new ones start. */
  async #deploy(workload: Workload, image: WeekImage): Promise<void> {
    for (const old of this.#containersOf(workload)) {
      if (!(await this.#start(workload, image))) return;
      workload.image = image;
      this.world.end(old);
    }
  }

  /** A flaw in everything; a right of the scanner that is taken away; scans that fail. */
  #meetTrouble(): void {
    const { truth, fakes } = this.world;
    const dice = this.world.dice('trouble');
    const [isFlawed, flawHour] = [dice.chance(0.8), dice.int(0, 23)];
    if (isFlawed) this.#later(at(WEDNESDAY, flawHour), () => this.world.publishFlaw());
    const [isDenied, day, hour] = [dice.chance(0.6), dice.int(2, 5), dice.int(4, 23)];
    const isOfRequests = dice.chance(0.7);
    const refuse = (areRefused: boolean): void => {
      if (isOfRequests) this.world.refuseRequests(areRefused);
      else if (areRefused) fakes.registry.deny(HOME);
      else fakes.registry.permit(HOME);
      this.world.tell(
        `${isOfRequests ? 'requests for scans are' : 'the registry is'} ${areRefused ? 'refused' : 'allowed'}`,
      );
    };
    if (isDenied) {
      const span = { fromEpochMs: at(day, hour), toEpochMs: at(day + 6, hour) };
      this.#later(span.fromEpochMs, () => {
        truth.outages.push(span);
        refuse(true);
      });
      this.#later(span.toEpochMs, () => refuse(false));
    }
    const [isUnread, unreadDay] = [dice.chance(0.25), dice.int(1, 8)];
    if (isUnread) {
      const cluster = { ...HOME, cluster: 'prod' };
      const span = { fromEpochMs: at(unreadDay, 2), toEpochMs: at(unreadDay + 2, 2) };
      this.#later(span.fromEpochMs, () => {
        truth.unread.push(span);
        fakes.eksWorkloads.failCluster(
          cluster,
          new ClusterUnreachableError(cluster, 'no route to host', 'Ask its team.'),
        );
        this.world.tell('the cluster cannot be read');
      });
      this.#later(span.toEpochMs, () => void fakes.eksWorkloads.failCluster(cluster, undefined));
    }
    const [fails, failDay, failHour, name] = [
      dice.chance(0.4),
      dice.int(1, 8),
      dice.int(4, 23),
      dice.pick(['search', 'cart', 'wiki']),
    ];
    if (fails)
      this.#later(at(failDay, failHour), () => {
        const { digest } = this.#workload(name).image;
        truth.failing.set(digest, this.world.now);
        this.world.tell(`scans of ${name} fail`);
      });
  }

  /** Stricter on Thursday; a door that begins to deny; a text that is applied twice, or loosened and back; a waiver. */
  #changePolicy(): void {
    const dice = this.world.dice('changes');
    const apply = (change: Partial<PolicyText>) => async (): Promise<void> => {
      this.#policy = { ...this.#policy, ...change };
      await this.world.applyPolicy(this.#policy);
    };
    this.#later(at(dice.int(2, 6), dice.int(8, 18), 7), apply({ warns: ['prod/annex'] }));
    this.#later(at(FRIDAY + 2, 9, 7), apply({ warns: [] }));
    if (this.#doorOfMainFromDay !== undefined) this.#later(at(this.#doorOfMainFromDay, 6, 37), apply({ isOffIn: [] }));
    const stricter: Partial<PolicyText> = dice.pick([
      { rules: ['nonRoot'] as const },
      { rules: ['sourceKnown'] as const },
      { rules: ['tags'] as const },
      { unapproved: [`${TOOLS}`] },
      { ageLimitDays: 20 },
      { rules: ['nonRoot', 'sourceKnown', 'tags'] as const, unapproved: [TOOLS] },
      {},
    ]);
    const looser: Partial<PolicyText> = { rules: [], unapproved: [], ageLimitDays: 30 };
    const hour = dice.int(6, 20);
    this.#stricterAtEpochMs = this.#isStricterInReview ? at(FRIDAY, 3, 2) : at(THURSDAY, hour, 13);
    if (this.#areRulesHeld) this.#later(this.#stricterAtEpochMs, apply(stricter));
    const [isAgain, isLoosened] = [dice.chance(0.3), dice.chance(0.3)];
    if (isAgain && this.#areRulesHeld) this.#later(at(FRIDAY, hour, 13), apply(stricter));
    if (isLoosened && this.#areRulesHeld) {
      this.#loosened = { fromEpochMs: at(FRIDAY, hour, 23), toEpochMs: at(FRIDAY + 1, hour, 23) };
      this.#later(this.#loosened.fromEpochMs, apply(looser));
      this.#later(this.#loosened.toEpochMs, apply(stricter));
    }
    const isWaived = dice.chance(0.3);
    if (isWaived) this.#later(at(THURSDAY, 7, 3), apply({ waivedUntilEpochMs: at(SECOND_MONDAY, 0) }));
  }

  /** Images that never were in good standing: in a place that was opened, under a warning, and again and again where nobody helps. */
  #tryBadImages(): void {
    const { world } = this;
    const dice = world.dice('bad images');
    const old = this.#image('hotfix-v1', { builtAtEpochMs: BEGAN_EPOCH_MS - dice.int(30, 40) * DAY_MS - HOUR_MS });
    const hotfix: Workload = { place: 'prod/shop', name: 'hotfix', kind: 'eks-deployment', replicas: 1, image: old };
    const opened = at(dice.int(1, 5), dice.int(8, 20));
    this.#later(opened, async () => {
      await world.open('prod/shop', 2);
      if (await this.#start(hotfix)) this.#workloads.push(hotfix);
    });
    // It comes of age some hours before the place is opened, and runs elsewhere since long ago.
    const dueHours = this.world.dice('due that day').int(1, 4);
    const due = this.#image('due-v1', { builtAtEpochMs: opened - 30 * DAY_MS - dueHours * HOUR_MS, isFlawed: false });
    world.begin({ workload: 'due', kind: 'eks-deployment' }, 'prod/office', due.digest);
    const ofDue: Workload = { place: 'prod/shop', name: 'due', kind: 'eks-deployment', replicas: 1, image: due };
    this.#later(opened + 30 * MINUTE_MS, async () => {
      if (await this.#start(ofDue)) this.#workloads.push(ofDue);
    });
    const aged = this.#image('relic-v1', { builtAtEpochMs: BEGAN_EPOCH_MS - dice.int(30, 40) * DAY_MS - HOUR_MS });
    const relic: Workload = { place: 'prod/legacy', name: 'relic', kind: 'eks-deployment', replicas: 1, image: aged };
    this.#later(at(1, 9), async () => {
      if (await this.#start(relic)) this.#workloads.push(relic);
    });
    for (let day = 0; day < DAYS; day += 1)
      for (let n = 0; n < 3; n += 1) {
        const strange = dice.pick(['web', 'search', 'report', 'cart'] as const);
        this.#later(at(day, dice.int(4, 22), dice.int(0, 59)), () => this.#try(this.#workload(strange).image));
        this.#later(at(day, dice.int(4, 22), dice.int(0, 59)), () => this.#try(dice.pick([old, aged])));
      }
    for (const [n, day] of [3, 5, 6, 7, 8].entries()) {
      const [hour, isFlawed] = [dice.int(5, 20), dice.chance(0.7)];
      let fresh: WeekImage | undefined;
      this.#later(at(day, hour), () => {
        fresh = this.#image(`lab-${n}-v1`, { isFlawed, builtAtEpochMs: world.now });
      });
      for (let tries = 1; tries < 6; tries += 1)
        this.#later(at(day, hour) + tries * dice.int(1, 9) * HOUR_MS, async () => {
          if (fresh) await this.#try(fresh);
        });
    }
  }

  /** An index of an image that runs and of one that is too old, for nodes of the other platform. It never ran. */
  #tryBehindGoodImages(): void {
    const { world } = this;
    const dice = world.dice('indexes');
    for (const n of [1, 2]) {
      const [day, hour, name] = [dice.int(2, 5), dice.int(5, 20), dice.pick(['web', 'search'] as const)];
      const days = dice.int(31, 45);
      let index: WeekImage | undefined;
      this.#later(at(day, hour, 11), () => {
        const { image } = this.#workload(name);
        const repository = image.repository.slice(TOOLS.indexOf('/') + 1);
        const hidden = this.#image(`hidden-${n}-v1`, {
          ...{ repository, isIndex: false, tag: `hidden-${n}` },
          builtAtEpochMs: BEGAN_EPOCH_MS - days * DAY_MS,
        });
        index = world.pushIndexOf(`mixed-${n}-v1`, [image, hidden]);
      });
      for (let tries = 1; tries < 8; tries += 1)
        this.#later(at(day, hour, 11) + tries * dice.int(5, 20) * HOUR_MS, async () => {
          if (index) await this.#try(index, 'prod/shop');
        });
    }
  }

  /** On the day after the rules got stricter, images that break all of them start in a place that is opened, and under a warning. */
  #tryAgainstRules(): void {
    const { world } = this;
    const hour = world.dice('against rules').int(4, 8);
    for (const [place, name] of [
      ['prod/batch', 'rooted'],
      ['prod/annex', 'rogue'],
    ] as const) {
      let image: WeekImage | undefined;
      const recipe = { isRoot: true, namesSource: false, tag: name, repository: `tools/${name}` };
      this.#later(at(FRIDAY, hour), () => {
        image = this.#image(`${name}-v1`, { ...recipe, builtAtEpochMs: world.now });
      });
      this.#later(at(FRIDAY, hour + 2), async () => {
        if (!image) return;
        if (place === 'prod/batch') await world.open(place, 1);
        const workload: Workload = { place, name, kind: 'eks-deployment', replicas: 1, image };
        if (await this.#start(workload)) this.#workloads.push(workload);
      });
    }
  }

  /**
   * Images that break all the stricter rules, and run in good standing elsewhere, start in other places: some hours before the rules
   * come, and between them and the next review, where the door denies, only warns, or a person opened the place. One starts while the
   * rules are gone, after a review.
   */
  #startAroundRules(): void {
    const { world } = this;
    const dice = world.dice('around rules');
    for (const [place, name, kind] of [
      ['prod/shop', 'early', 'eks-deployment'],
      ['prod/shop', 'late', 'eks-deployment'],
      ['prod/annex', 'warned', 'eks-deployment'],
      ['prod/batch', 'opened', 'eks-deployment'],
      ['main', 'moved', 'ecs-service'],
      ['prod/shop', 'between', 'eks-deployment'],
    ] as const) {
      if (name === 'between' && !this.#loosened) continue;
      const image = this.#image(`${name}-v1`, {
        ...{ isRoot: true, namesSource: false, isFlawed: false, tag: name },
        ...{ repository: `${dice.pick(['apps', 'tools'])}/${name}`, builtAtEpochMs: BEGAN_EPOCH_MS - 15 * DAY_MS },
      });
      world.begin({ workload: name, kind: 'eks-deployment' }, 'prod/office', image.digest);
      const hours = name === 'early' ? -dice.int(1, 2) : dice.int(1, 6);
      const unit = this.#isStricterInReview && hours > 0 ? MINUTE_MS : HOUR_MS;
      const startsAtEpochMs =
        name === 'between' && this.#loosened
          ? this.#loosened.toEpochMs - dice.int(1, 2) * HOUR_MS
          : this.#stricterAtEpochMs + hours * unit;
      this.#later(startsAtEpochMs, async () => {
        if (name === 'opened') await world.open(place, 1);
        const workload: Workload = { place, name, kind, replicas: 1, image };
        if (await this.#start(workload)) this.#workloads.push(workload);
      });
    }
  }

  /** Images that run, or ran until lately, are copied to another repository, and tried where they never ran. */
  #copyImages(): void {
    const { world } = this;
    const dice = world.dice('copies');
    for (const n of [1, 2, 3]) {
      const image = this.#image(`copied-${n}-v1`, { repository: `apps/copied-${n}`, isFlawed: dice.chance(0.3) });
      const runs = world.begin({ workload: `copied-${n}`, kind: 'eks-deployment' }, 'prod/office', image.digest);
      const [day, hour, isTagged] = [dice.int(1, 9), dice.int(4, 18), dice.chance(0.3)];
      // Most run nowhere when they are copied.
      if (dice.chance(0.7)) this.#later(at(day, hour) - dice.int(1, 20) * HOUR_MS, () => world.end(runs));
      this.#later(at(day, hour), () => world.copy(image, `apps/release-${n}`, isTagged));
      for (let tries = 0; tries < 6; tries += 1)
        this.#later(at(day, hour) + tries * dice.int(1, 8) * HOUR_MS + dice.int(1, 59) * MINUTE_MS, () =>
          this.#try(image),
        );
    }
  }

  /** Someone tries an image where it does not belong; where the door lets it start, it is taken away at once. */
  async #try(image: WeekImage, place = 'prod/lab'): Promise<void> {
    const started = await this.#start({ place, name: 'try', kind: 'eks-deployment', replicas: 0, image });
    if (started) this.world.end(started);
  }
}

const instantText = (epochMs: number): string => new Date(epochMs).toISOString();

const TOOLS = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/tools/';

const REFUSED: Readonly<Record<Due, boolean>> = {
  ...{ 'must-start': false, 'is-free': false, 'must-not-start': true, 'must-end': true },
  open: false,
};
