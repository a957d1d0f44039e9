import { reviewAdmission } from '../../../../functions/admission-webhook/review-admission.ts';
import { answerGate } from '../../../../functions/ecs-door/answer-gate.ts';
import { imageArn } from '../../../../shared/domain/image/ecr-arn.ts';
import type { Digest, ImageLocation } from '../../../../shared/domain/image/image.ts';
import type { RunningTask } from '../../../../shared/domain/image/usage.ts';
import type { PublishedEvent } from '../../../../shared/domain/outbox/published-event.ts';
import { doorsSchema } from '../../../../shared/domain/policy/doors.ts';
import { type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import type { Finding } from '../../../../shared/domain/scan/finding.ts';
import { listAllowedImages } from '../../../../shared/judging/list-allowed-images.ts';
import { metrics } from '../../../../shared/lambda/metrics.ts';
import { logger } from '../../../../shared/lambda/powertools.ts';
import { RegistryUnreachableError } from '../../../../shared/ports/errors.ts';
import { parse } from '../../../../shared/schema.ts';
import type { Inspection } from '../../../support/fakes/scanner.ts';
import { fakeWorld } from '../../../support/fakes/world.ts';
import { digestOf } from '../../../support/samples.ts';
import { eventOf } from '../../registry-events/support.ts';
import { Clockwork } from '../clockwork.ts';
import { TrueDelivery } from '../delivery.ts';
import { type Dice, diceOf } from '../dice.ts';
import { functionsOver, type QueueName } from '../functions.ts';
import { runExecution } from '../machine.ts';
import { watchLedger } from '../outbox.ts';
import type { PolicyText, Records, StartTemplate, TrueStay, WeekImage } from './records.ts';

const MINUTE_MS = 60_000;

const ACCOUNT = '111122223333';
const REGION = 'eu-west-1';
export const HOME = { account: ACCOUNT, region: REGION };
export const HOST = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com`;
const CALM = { lost: 0, doubled: 0, late: 0 };

export const FLAW = 'CVE-2026-04711';

/** `prod/<namespace>` of EKS, or the cluster `main` of ECS. */
export const placeOf = (place: string) => {
  const [cluster = '', namespace] = place.split('/');
  return { ...HOME, cluster, ...(namespace !== undefined && { namespace }) };
};

/** How a new image is made. */
export interface Recipe {
  readonly name: string;
  readonly repository?: string;
  readonly tag?: string;
  readonly isRoot?: boolean;
  readonly namesSource?: boolean;
  readonly isFlawed?: boolean;
  readonly isIndex?: boolean;
  readonly builtAtEpochMs?: number;
}

/** What a door said to one start. */
export interface Answered {
  readonly decision: 'allow' | 'warn' | 'deny';
  readonly ruleId?: string;
}

/** A container that runs. */
export interface Container {
  readonly workload: string;
  readonly kind: 'eks-deployment' | 'eks-cronjob' | 'ecs-service';
  /** The platform of its node, by the order in an index; the first where none is named. */
  readonly platform?: number;
  readonly run: TrueStay;
}

/** What an event WillBeDenied says. */
interface AnnouncedDenial {
  readonly cluster: string;
  readonly namespace?: string;
  readonly digest: string;
  readonly deniedFromEpochMs: number;
}

/** When it came. */
export interface Announcement {
  readonly place: string;
  readonly digest: string;
  readonly atEpochMs: number;
  readonly deniedFromEpochMs: number;
}

/** A workload, with the image that it names. */
export interface NamedWorkload {
  readonly workload: string;
  readonly kind: Container['kind'];
  readonly image: WeekImage;
}

/** The use cases of Patchwave over the fakes, and beside them what really happens. */
export class WeekWorld {
  readonly fakes: ReturnType<typeof fakeWorld>;
  readonly clockwork: Clockwork;
  readonly dice: (purpose: string) => Dice;
  readonly truth: Records;
  readonly containers: Container[] = [];
  readonly trace: string[] = [];
  /** Of which images an alarm told, and when. */
  readonly alarms: { readonly digest: string; readonly atEpochMs: number }[] = [];
  /** Denials that an event announced, and when. */
  readonly announcements: Announcement[] = [];
  readonly #delivery: TrueDelivery;
  readonly #scanDice: Dice;
  #scans = 0;
  #invocations = 0;

  /** Amazon Inspector watches every image; otherwise Amazon ECR scans on request. */
  readonly #isInspected: boolean;

  constructor(seed: number, beganAtEpochMs: number) {
    this.fakes = fakeWorld({ nowEpochMs: beganAtEpochMs });
    this.clockwork = new Clockwork(this.fakes);
    this.dice = diceOf(seed);
    this.#scanDice = this.dice('scans');
    this.#isInspected = this.dice('inspector').chance(0.3);
    this.truth = {
      ...{
        beganAtEpochMs,
        images: new Map(),
        policies: [],
        runs: [],
        templates: [],
        scans: [],
        copies: [],
        outages: [],
        unread: [],
      },
      ...{ failing: new Map(), reviews: [], openings: [] },
    };
    const { fakes } = this;
    fakes.scanner.completesAtOnce = false;
    if (this.#isInspected) fakes.scanner.enhance({ ...HOME, repository: '*' }).inspectedBy(() => this.#inspections());
    fakes.accounts.add({ id: ACCOUNT, name: 'fleet' }, [REGION]);
    fakes.workloads.addCluster({ ...HOME, cluster: 'main' });
    fakes.eksWorkloads.addCluster({ ...HOME, cluster: 'prod' });
    this.#delivery = new TrueDelivery(
      this.clockwork,
      { take: (queue: QueueName, messages) => this.#functions().take(queue, messages) },
      this.dice('events'),
      () => CALM,
    );
    watchLedger(fakes, (_, events) => this.#published(events));
    this.#hearAlarms();
  }

  /** ImagesDoubted is a metric, and the line that the function logs with it names the images. */
  #hearAlarms(): void {
    let count = 0;
    metrics.addMetric = (name, _, value) => {
      if (name === 'ImagesDoubted') count += value;
      return metrics;
    };
    logger.warn = (_, ...[extra]) => {
      const { images = [] } = extra as { readonly images?: readonly { readonly digest: string }[] };
      if (count === 0) return;
      count = 0;
      for (const { digest } of images) this.alarms.push({ digest, atEpochMs: this.now });
    };
  }

  /** The events of the ledger that functions of Patchwave wait for. */
  #published(events: readonly PublishedEvent[]): void {
    for (const { detailType, detail, resources } of events) {
      if (detailType === 'WillBeDenied') this.#noteAnnouncement(detail as unknown as AnnouncedDenial);
      if (detailType !== 'HeadMoved') continue;
      const body = {
        ...{ source: 'patchwave', 'detail-type': detailType, detail, resources },
        ...{ account: ACCOUNT, region: REGION, time: new Date(this.now).toISOString() },
      };
      this.#delivery.event('head', JSON.stringify(body));
    }
  }

  #noteAnnouncement({ cluster, namespace, digest, deniedFromEpochMs }: AnnouncedDenial): void {
    const place = namespace === undefined ? cluster : `${cluster}/${namespace}`;
    this.announcements.push({ place, digest, deniedFromEpochMs, atEpochMs: this.now });
    const name = [...this.truth.images.values()].find((one) => one.digest === digest)?.name ?? digest;
    this.tell(`${name} will be denied in ${place} from ${new Date(deniedFromEpochMs).toISOString()} on`);
  }

  get now(): number {
    return this.fakes.clock();
  }

  tell(text: string): void {
    this.trace.push(`${new Date(this.now).toISOString().slice(0, 16)} ${text}`);
  }

  runUntil(epochMs: number): Promise<void> {
    return this.clockwork.runUntil(epochMs, () => this.#follow());
  }

  /** What functions asked for begins at once. */
  #follow(): void {
    const { fakes } = this;
    for (const { location, digest } of fakes.scanner.started.slice(this.#scans)) {
      this.#scans += 1;
      this.clockwork.spawn(() => this.#scan(location, digest));
    }
    for (const body of fakes.refreshes.take()) this.#delivery.send('registry', body);
    for (const body of fakes.judging.take()) this.#delivery.send('scan', body);
    for (const body of fakes.following.take()) this.#delivery.send('head', body);
    fakes.ends.take();
    fakes.wakings.take();
  }

  async #scan(location: ImageLocation, digest: Digest): Promise<void> {
    const { fakes, truth, clockwork } = this;
    await clockwork.sleep(this.#scanDice.int(5, 300) * 1000);
    const image = [...truth.images.values()].find(({ contents }) => contents.includes(digest));
    const { flawAtEpochMs = Number.POSITIVE_INFINITY } = truth;
    const isFound = image?.isFlawed === true && flawAtEpochMs <= this.now;
    fakes.scanner.finds(digest, isFound ? [FOUND] : []);
    const fails = (truth.failing.get(image?.digest ?? '') ?? Number.POSITIVE_INFINITY) <= this.now;
    if (fails) fakes.scanner.refuses(digest, { state: 'failed', reason: 'scan-failed', detail: 'FAILED' });
    fakes.scanner.finish(digest);
    if (!fails) truth.scans.push({ digest, atEpochMs: this.now });
    const detail = {
      ...{ 'scan-status': fails ? 'FAILED' : 'COMPLETE', 'repository-name': location.repository },
      'image-digest': digest,
    };
    const event = {
      ...{ source: 'aws.ecr', 'detail-type': 'ECR Image Scan', time: new Date(this.now).toISOString() },
      ...{ resources: [], account: ACCOUNT, region: REGION, detail },
    };
    this.#delivery.event('scan', JSON.stringify(event));
  }

  /** What Amazon Inspector lists. */
  #inspections(): readonly Inspection[] {
    if (this.#areRequestsRefused) throw new RegistryUnreachableError(HOME, new Error('AccessDenied: ListCoverage'));
    const { flawAtEpochMs = Number.POSITIVE_INFINITY, images, failing } = this.truth;
    const listed = new Set<string>();
    return [...images.values()].flatMap((image) => {
      const isExpired = (failing.get(image.digest) ?? Number.POSITIVE_INFINITY) <= this.now;
      const isFound = image.isFlawed && flawAtEpochMs <= this.now;
      const scannedAtEpochMs = image.pushedAtEpochMs + MINUTE_MS;
      const lastScannedAtEpochMs = isFound ? Math.max(flawAtEpochMs, scannedAtEpochMs) : scannedAtEpochMs;
      const contents = image.contents.filter((digest) => !listed.has(digest));
      for (const digest of contents) listed.add(digest);
      const copies = this.truth.copies.filter(({ digest }) => digest === image.digest);
      return [image, ...copies].flatMap(({ repository }) =>
        contents.map((digest) => ({
          ...{ repository: repository.slice(HOST.length + 1), digest: digest as Digest },
          coverage: isExpired
            ? { status: 'INACTIVE', reason: 'SCAN_ELIGIBILITY_EXPIRED', lastScannedAtEpochMs }
            : { status: 'ACTIVE', reason: 'SUCCESSFUL', lastScannedAtEpochMs },
          findings: isFound ? [FOUND] : [],
        })),
      );
    });
  }

  /** A right of Patchwave is taken away, or given back: to ask for scans, or to read what Amazon Inspector covers. */
  refuseRequests(areRefused: boolean): void {
    this.#areRequestsRefused = areRefused;
    this.fakes.scanner.refuseRequests(areRefused);
  }
  #areRequestsRefused = false;

  /** Scanners know the flaw from now on. */
  publishFlaw(): void {
    this.truth.flawAtEpochMs = this.now;
    this.fakes.scanner.publish();
    this.tell('a flaw in every image is published');
    if (!this.#isInspected) return;
    for (const image of this.truth.images.values()) if (image.isFlawed) this.#tellFindings(image, 'Inspector2 Finding');
  }

  /** Amazon Inspector tells of each image. */
  #tellFindings({ digest, contents, repository }: WeekImage, detailType: string): void {
    if ((this.truth.failing.get(digest) ?? Number.POSITIVE_INFINITY) <= this.now) return;
    const seconds = this.#scanDice.int(60, 300);
    for (const content of contents)
      this.clockwork.in(seconds * 1000, () => {
        this.truth.scans.push({ digest: content, atEpochMs: this.now });
        const location = { ...HOME, repository: repository.slice(HOST.length + 1) };
        const arn = imageArn('aws', location, content as Digest);
        const repositoryArn = arn.slice(0, arn.lastIndexOf('/'));
        const body = {
          ...{ version: '0', id: '1', source: 'aws.inspector2', 'detail-type': detailType },
          ...{ account: ACCOUNT, region: REGION, time: new Date(this.now).toISOString() },
          resources: [detailType === 'Inspector2 Scan' ? repositoryArn : arn],
          detail: { 'repository-name': repositoryArn, 'image-digest': content },
        };
        this.#delivery.event('scan', JSON.stringify(body));
      });
  }

  /** Amazon Inspector watches: each reading of it is a result. */
  #watched(images: Iterable<WeekImage>): void {
    if (!this.#isInspected || this.#areRequestsRefused || this.fakes.registry.isDenied(HOME)) return;
    for (const { digest, contents } of images)
      if ((this.truth.failing.get(digest) ?? Number.POSITIVE_INFINITY) > this.now)
        for (const content of contents) this.truth.scans.push({ digest: content, atEpochMs: this.now });
  }

  #functions() {
    this.#invocations += 1;
    const requestId = `request-${this.#invocations}`;
    return functionsOver(this.fakes, this.clockwork.sleep, { requestId, isInspected: this.#isInspected });
  }

  /**
   * The nightly review, by the definition of its state machine. It fails where a scope was not read, and reads the others.
   * @param readsAfterMinutes how long after its beginning it reads what runs
   */
  async review(readsAfterMinutes = 0): Promise<void> {
    const fromEpochMs = this.now;
    this.#watched(this.truth.images.values());
    const id = `arn:aws:states:${REGION}:${ACCOUNT}:execution:fleet-review:${fromEpochMs}`;
    const ended = await runExecution(
      'fleet-review',
      { id, input: {}, startedAtEpochMs: fromEpochMs },
      {
        clockwork: this.clockwork,
        invoke: async (name, payload) => {
          const isReading = (payload as { readonly action?: string }).action === 'workloads';
          if (isReading && readsAfterMinutes > 0) await this.clockwork.sleep(readsAfterMinutes * MINUTE_MS);
          return this.#functions().step(name, payload);
        },
        document: (key) => this.fakes.runFiles.get(key),
        awaitToken: () => {
          throw new Error('a review waits for no token');
        },
        random: () => 0.5,
      },
    );
    this.tell(`review ${ended.status} ${ended.cause ?? ''}`);
    this.truth.reviews.push({ fromEpochMs, toEpochMs: this.now });
  }

  /** Builds and pushes an image. */
  push(recipe: Recipe): WeekImage {
    const { name, repository = `apps/${name.replace(/-v\d+$/, '')}`, tag = '3f9c2a1-17', isIndex = false } = recipe;
    const digest = digestOf(isIndex ? `index ${name}` : name);
    const contents = isIndex ? [digestOf(`${name} amd64`), digestOf(`${name} arm64`)] : [digest];
    const image: WeekImage = {
      ...{ name, digest, contents, tag, repository: `${HOST}/${repository}`, pushedAtEpochMs: this.now },
      builtAtEpochMs: recipe.builtAtEpochMs ?? this.now,
      isRoot: recipe.isRoot ?? false,
      namesSource: recipe.namesSource ?? true,
      isFlawed: recipe.isFlawed ?? true,
    };
    this.truth.images.set(digest, image);
    const location = { ...HOME, repository };
    for (const content of contents) this.#pushOne(image, location, content, isIndex ? [] : [tag]);
    if (isIndex) this.#pushList(image, location);
    this.tell(`${name} is pushed`);
    if (this.#isInspected && this.now > this.truth.beganAtEpochMs) this.#tellFindings(image, 'Inspector2 Scan');
    return image;
  }

  /** Copies an image to another repository of the registry. */
  copy(image: WeekImage, repository: string, isTagged: boolean): void {
    const { digest, contents, tag, name } = image;
    const location = { ...HOME, repository };
    const tags = isTagged ? [tag] : [];
    const isIndex = contents[0] !== digest;
    for (const content of contents) this.#pushOne(image, location, content, isIndex ? [] : tags);
    if (isIndex) this.#pushList(image, location, tags);
    const copied = { ...image, repository: `${HOST}/${repository}` };
    this.truth.copies.push({ digest, atEpochMs: this.now, repository: copied.repository, isTagged });
    this.tell(`${name} is copied to ${repository} ${isTagged ? `as ${tag}` : 'without a tag'}`);
    // The push makes Patchwave read what Amazon Inspector knows of the digest, and Amazon Inspector scans the copy.
    this.#watched([image]);
    if (this.#isInspected) this.#tellFindings(copied, 'Inspector2 Scan');
  }

  /** Pushes an index of images that the registry has already. */
  pushIndexOf(name: string, images: readonly [WeekImage, WeekImage]): WeekImage {
    const [one, other] = images;
    const location = { ...HOME, repository: one.repository.slice(HOST.length + 1) };
    const contents = images.flatMap(({ contents: [first = ''] }) => first);
    const index: WeekImage = {
      ...{ name, digest: digestOf(`index ${name}`), contents, tag: name, repository: one.repository },
      ...{ pushedAtEpochMs: this.now, builtAtEpochMs: Math.min(one.builtAtEpochMs, other.builtAtEpochMs) },
      ...{ isRoot: one.isRoot || other.isRoot, namesSource: one.namesSource && other.namesSource },
      isFlawed: one.isFlawed || other.isFlawed,
    };
    this.truth.images.set(index.digest, index);
    this.#pushList(index, location);
    this.tell(`${name} is pushed, an index of ${one.name} and ${other.name}`);
    return index;
  }

  #pushList({ digest, contents, tag }: WeekImage, location: ImageLocation, tags: readonly string[] = [tag]): void {
    const children = contents.map((content, n) => ({
      ...{ digest: content as Digest, platform: PLATFORMS[n] ?? PLATFORMS[0] },
    }));
    const artifact = { kind: 'index', digest: digest as Digest, mediaType: INDEX, children } as const;
    this.fakes.registry.push(location, { artifact, tags, pushedAtEpochMs: this.now });
    this.#tellPush({ digest: digest as Digest, location, atEpochMs: this.now, ...taggedAs(tags) });
  }

  #pushOne(image: WeekImage, location: ImageLocation, content: string, tags: readonly string[]): void {
    const digest = content as Digest;
    const configDigest = digestOf(`config of ${content}`);
    const nth = Math.max(image.contents.indexOf(content), 0);
    this.fakes.registry.push(location, {
      artifact: {
        kind: 'image',
        digest,
        mediaType: MANIFEST,
        annotations: {},
        layers: [digestOf(`layer ${content}`)],
        configDigest,
      },
      ...{ tags, pushedAtEpochMs: this.now },
      config: {
        ...{ createdAtEpochMs: image.builtAtEpochMs, platform: PLATFORMS[nth] ?? PLATFORMS[0] },
        ...{ user: image.isRoot ? '' : 'app', labels: image.namesSource ? SOURCE : {} },
        ...{ diffIds: [digestOf(`content of ${content}`)], history: [{ createdBy: 'RUN build' }] },
      },
    });
    this.#tellPush({ digest, location, atEpochMs: this.now, ...taggedAs(tags) });
  }

  /** What was pushed before Patchwave came, no event tells of. */
  #tellPush(push: Parameters<typeof eventOf>[0]): void {
    if (this.now > this.truth.beganAtEpochMs) this.#delivery.event('registry', eventOf(push));
  }

  async applyPolicy(text: Omit<PolicyText, 'atEpochMs'>): Promise<void> {
    this.truth.policies.push({ ...text, atEpochMs: this.now });
    const { policies } = this.fakes;
    const replaces = await policies.current().then(
      ({ version }) => version,
      () => undefined,
    );
    const change = { atEpochMs: this.now, ...(replaces !== undefined && { replaces }) };
    await policies.publish(parse(policySchema, documentOf(text)), change);
    this.tell(`policy: ${JSON.stringify(text)}`);
  }

  /** A person opens a place, in which every image may start for some hours. */
  async open(place: string, hours: number): Promise<void> {
    const toEpochMs = this.now + hours * 60 * MINUTE_MS;
    this.truth.openings.push({ place, fromEpochMs: this.now, toEpochMs });
    const breakGlass = { author: 'ada', reason: 'incident 4711', expiresAtEpochMs: toEpochMs };
    const change = { uid: `open-${this.now}`, user: 'ada', atEpochMs: this.now };
    await this.fakes.exceptions.begin(placeOf(place), breakGlass, change);
    this.tell(`${place} is opened for ${hours} hours`);
  }

  /** What the door of a place says to an image. */
  async ask(place: string, image: WeekImage, workload: string): Promise<Answered> {
    const reference = referenceOf(image);
    const at = placeOf(place);
    if (at.namespace === undefined) {
      const images = [{ container: 'app', reference }];
      return answerGate(this.fakes, { kind: 'deployment', ...HOME, cluster: at.cluster, service: workload, images });
    }
    this.#requests += 1;
    const object = {
      metadata: { name: workload, namespace: at.namespace },
      spec: { containers: [{ name: 'app', image: reference }] },
    };
    const reviewed = await reviewAdmission(this.fakes, at, {
      ...{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
      request: {
        ...{ uid: `pod-${this.#requests}`, kind: { group: '', version: 'v1', kind: 'Pod' }, subResource: '' },
        ...{ namespace: at.namespace, name: workload, operation: 'CREATE', dryRun: false, object },
        userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', groups: ['system:masters'] },
      },
    });
    return { decision: reviewed.decision, ...(reviewed.ruleId !== undefined && { ruleId: reviewed.ruleId }) };
  }
  #requests = 0;

  /** What a list that is published now says of a digest in a namespace. */
  async lists(): Promise<(place: string, digest: string) => Answered['decision']> {
    const policy = await this.fakes.policies.current();
    const cluster = { ...HOME, cluster: 'prod' };
    const { allowed, gracedIn } = await listAllowedImages(this.fakes, policy, [cluster]);
    const graced = gracedIn(cluster);
    return (place, text) => {
      const digest = text as Digest;
      if (allowed.has(digest)) return 'allow';
      const grace = graced.get(digest);
      const { namespace = '' } = placeOf(place);
      return grace && grace.untilEpochMs > this.now && grace.namespaces.includes(namespace) ? 'warn' : 'deny';
    };
  }

  begin(container: Omit<Container, 'run'>, place: string, digest: string, fromEpochMs = this.now): Container {
    const run: TrueStay = { place, digest, fromEpochMs, ...this.#named(container, place, digest, fromEpochMs) };
    const begun = { ...container, run };
    this.truth.runs.push(run);
    this.containers.push(begun);
    this.#show(begun.workload, begun.kind, place);
    return begun;
  }

  /** A Deployment has a ReplicaSet for each of its templates, and keeps it. */
  #named(
    { workload, kind }: Omit<Container, 'run'>,
    place: string,
    digest: string,
    fromEpochMs: number,
  ): Pick<TrueStay, 'namedFromEpochMs'> {
    if (kind !== 'eks-deployment') return {};
    const key = [place, workload, digest].join(' ');
    const namedFromEpochMs = this.#replicaSets.get(key) ?? fromEpochMs;
    this.#replicaSets.set(key, namedFromEpochMs);
    return { namedFromEpochMs };
  }
  readonly #replicaSets = new Map<string, number>();

  end(container: Container): void {
    container.run.toEpochMs = this.now;
    const at = this.containers.indexOf(container);
    if (at >= 0) this.containers.splice(at, 1);
    this.#show(container.workload, container.kind, container.run.place);
  }

  /** What may start without a deployment, as long as the template names it. */
  addTemplate({ workload, kind, image }: NamedWorkload, place: string, fromEpochMs = this.now): void {
    this.endTemplate(workload, place);
    const { digest } = image;
    const template = { place, digest, fromEpochMs, ...this.#named({ workload, kind }, place, digest, fromEpochMs) };
    // Of ECS no template is read.
    if (placeOf(place).namespace !== undefined) this.truth.templates.push(template);
    this.#templates.set(`${place}/${workload}`, template);
    this.#show(workload, kind, place);
  }

  /** The workload runs again, or names another image. */
  endTemplate(workload: string, place: string): void {
    const template = this.#templates.get(`${place}/${workload}`);
    if (template) template.toEpochMs = this.now;
    this.#templates.delete(`${place}/${workload}`);
  }
  readonly #templates = new Map<string, StartTemplate>();

  /** What the APIs tell of a workload follows from what runs; of one without a pod they tell its template. */
  #show(workload: string, kind: Container['kind'], place: string): void {
    const { cluster, namespace } = placeOf(place);
    const name = namespace === undefined ? workload : `${namespace}/${workload}`;
    const source = namespace === undefined ? this.fakes.workloads : this.fakes.eksWorkloads;
    source.stop({ ...HOME, cluster }, name);
    const task = { workloadKind: kind, workload: name };
    const running = this.containers.filter((one) => one.workload === workload && one.run.place === place);
    for (const { run, platform = 0 } of running) {
      const image = this.#imageOf(run);
      const nth = platform % image.contents.length;
      const { [nth]: content = image.digest } = image.contents;
      const container = { name: 'app', image: referenceOf(image), digest: content as Digest };
      const architecture = (PLATFORMS[nth] ?? PLATFORMS[0]).slice('linux/'.length);
      source.run({ ...HOME, cluster }, { ...task, ...namedSince(run), architecture, containers: [container] });
    }
    const template = this.#templates.get(`${place}/${workload}`);
    if (running.length > 0 || !template || namespace === undefined) return;
    const container = { name: 'app', image: referenceOf(this.#imageOf(template)) };
    source.run({ ...HOME, cluster }, { ...task, ...namedSince(template), isPossible: true, containers: [container] });
  }

  #imageOf({ digest }: TrueStay): WeekImage {
    const image = this.truth.images.get(digest);
    if (!image) throw new Error(`there is no image ${digest}`);
    return image;
  }
}

const taggedAs = ([tag]: readonly string[]): { readonly tag?: string } => (tag === undefined ? {} : { tag });

const namedSince = ({ namedFromEpochMs }: TrueStay): Pick<RunningTask, 'notBeforeEpochMs'> =>
  namedFromEpochMs === undefined ? {} : { notBeforeEpochMs: namedFromEpochMs };

export const referenceOf = ({ repository, digest }: WeekImage): string => `${repository}@${digest}`;

const CLUSTERS = ['prod', 'main'];
const PLATFORMS = ['linux/amd64', 'linux/arm64'] as const;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const SOURCE = {
  'org.opencontainers.image.source': 'https://github.com/example/apps',
  'org.opencontainers.image.revision': '3f9c2a1b7d5e4c6f8a9b0c1d2e3f4a5b6c7d8e9f',
};
const FOUND: Finding = {
  ...{ vulnerability: FLAW, package: 'openssl', version: '3.0.1-1', severity: 'critical', fix: 'unknown' },
  uri: `https://security.example/${FLAW}`,
};

function documentOf(text: Omit<PolicyText, 'atEpochMs'>): PolicyDocument {
  const { rules, unapproved, waivedUntilEpochMs, warns, isOffIn = [] } = text;
  const day = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);
  const isIn = (rule: (typeof rules)[number]): boolean => rules.includes(rule);
  const repositories = ['apps/**', 'tools/**'];
  return {
    ...{ version: 1, mode: 'enforce', scopes: [{ account: ACCOUNT, regions: [REGION] }] },
    ages: { default: { limitDays: text.ageLimitDays } },
    streams: [
      {
        ...{ id: 'apps', tier: 'application', account: ACCOUNT, regions: [REGION], owner: 'team', repositories },
        headTags: ['^v[0-9]+$', '^[0-9a-f]{7,40}-[0-9]+$'],
      },
    ],
    severities: [{ id: 'critical', severities: ['critical'], graceDays: text.findingGraceDays }],
    staleScanHours: text.staleScanHours,
    ...(isIn('nonRoot') && { nonRoot: {} }),
    ...(isIn('sourceKnown') && { sourceKnown: {} }),
    ...(isIn('tags') && { tags: {} }),
    approvedRegistries: { allow: [`${HOST}/apps/**`, ...(unapproved.length > 0 ? [] : [`${HOST}/tools/**`])] },
    ...(waivedUntilEpochMs !== undefined && {
      waivers: [
        {
          ...{ id: 'w-1', finding: FLAW, scope: {}, reason: 'the vendor works on a fix', author: 'ada' },
          // Void from the day after.
          ...{ created: '2026-11-20', expires: day(waivedUntilEpochMs - 1) },
        },
      ],
    }),
    doors: parse(doorsSchema, {
      ...{ mode: text.isOff || isOffIn.length > 0 ? 'off' : 'deny', graceRunningDays: text.graceRunningDays },
      rules: [
        ...warns.map((place) => {
          const { cluster, namespace } = placeOf(place);
          return { clusters: [cluster], ...(namespace !== undefined && { namespaces: [namespace] }), mode: 'warn' };
        }),
        ...(isOffIn.length > 0 ? [{ clusters: CLUSTERS.filter((one) => !isOffIn.includes(one)), mode: 'deny' }] : []),
      ],
    }),
  };
}
