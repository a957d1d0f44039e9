import { handleHeadEvents } from '../../../functions/lineage/head-events.ts';
import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import { Random } from '../../../local/fleet/random.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { PublishedEvent } from '../../../shared/domain/outbox/published-event.ts';
import { headMove } from '../../../shared/events/head-moved.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { eventOf, messages, portsOf as registryPorts } from '../registry-events/support.ts';
import { again, type Build, type CascadeRun, runCascade } from './cascade-run.ts';
import { review } from './review.ts';
import { type ConvergingFleet, locationOf, nameOf } from './tiered-fleet.ts';
import { noTrouble } from './trouble.ts';

/** A fleet with all that pushes bring about: their events, the heads that move with them, and the streams built on those. */
export class Storm {
  readonly fleet: ConvergingFleet;
  readonly #reviewed: FakeWorld;
  #pushes: string[] = [];
  #moves: PublishedEvent[] = [];

  /** @param reviewed the world as reviews see it */
  constructor(fleet: ConvergingFleet, reviewed = fleet.world) {
    this.fleet = fleet;
    this.#reviewed = reviewed;
    const { streams } = fleet.world;
    const record = streams.recordStream.bind(streams);
    streams.recordStream = async (stream, before) => {
      const isWritten = await record(stream, before);
      if (isWritten) this.#moves.push(...headMove(before, stream));
      return isWritten;
    };
  }

  /** Its pipeline ran and pushed, started by anybody; the events are on their way. */
  push(name: string, changes: { readonly isVulnerable?: boolean } = {}): Digest {
    const digest = this.fleet.build(name, changes);
    this.tell(name);
    return digest;
  }

  /** The events of its last push are on their way. */
  tell(name: string): void {
    const digest = this.fleet.headOf(name);
    const about = { location: locationOf(name), atEpochMs: this.fleet.world.clock() };
    const children = this.fleet.imagesOf(name).filter((one) => one !== digest);
    this.#pushes.push(...children.map((one) => eventOf({ ...about, digest: one })));
    this.#pushes.push(eventOf({ ...about, digest, tag: 'current' }));
  }

  /** Events of pushes that are never delivered. */
  lose(): void {
    this.#pushes = [];
  }

  /** What is on its way arrives, the later pushes first with `lastFirst`, and what follows from it. */
  async hear({ lastFirst = false, twice = false } = {}): Promise<void> {
    const { world } = this.fleet;
    const pushes = lastFirst ? this.#pushes.toReversed() : this.#pushes;
    this.#pushes = [];
    // Each by itself, as late as it may be.
    const batches = lastFirst ? pushes.map((one) => [one]) : [pushes];
    for (const push of twice ? batches.flatMap((one) => [one, one]) : batches) {
      await delivered(push, (bodies) => again(world, () => handleMessages(registryPorts(world), messages(bodies))));
      await this.#follow();
    }
  }

  async #follow(): Promise<void> {
    const bodies = this.#moves.map(({ detailType, detail, resources }) =>
      JSON.stringify({
        ...{ source: 'patchwave', 'detail-type': detailType, detail, resources },
        ...{ account: '111122223333', region: 'us-east-1', time: new Date(this.fleet.world.clock()).toISOString() },
      }),
    );
    this.#moves = [];
    const { world } = this.fleet;
    await delivered(bodies, async (left) => ({
      failed: await again(world, () => handleHeadEvents(world, messages(left))),
    }));
  }

  async review(): Promise<void> {
    await (await review(this.#reviewed, noTrouble(new Random(1)))).deliverLate();
    await this.#follow();
  }

  /** Plans, and runs what is planned to its end. @param meanwhile comes while a stream is built */
  async act({ meanwhile = NOTHING }: { readonly meanwhile?: Meanwhile } = {}): Promise<CascadeRun | undefined> {
    const build: Build = async (stream) => {
      const name = nameOf(stream);
      const outputDigest = this.push(name);
      await meanwhile(name);
      return { state: 'succeeded', outputDigest };
    };
    const run = await runCascade(this.fleet.world, build);
    await this.hear();
    return run;
  }

  /** Acts until nothing is left to be done; gives how often each stream was built since the storm began. */
  async comeToRest(): Promise<Readonly<Record<string, number>>> {
    for (let rounds = 0; await this.act(); rounds += 1) {
      if (rounds === MOST_ROUNDS) throw new Error('it is rebuilt for ever');
      this.fleet.world.advance(61 * 60_000);
    }
    return this.builds();
  }

  builds(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { pipeline } of this.fleet.world.runner.started)
      counts[pipeline.name] = (counts[pipeline.name] ?? 0) + 1;
    return counts;
  }

  /** The streams that are not fixed, with their answers. No stream waits without a reason. */
  async open(): Promise<readonly string[]> {
    const causes = await collect(this.fleet.world.causes.open());
    return causes.map(({ stream, answer }) => `${nameOf(stream)}: ${answer?.reason ?? 'none'}`).sort();
  }

  /** Streams whose heads is not built on the heads of what they are built on. */
  async staleParent(): Promise<readonly string[]> {
    const { streams, images } = this.fleet.world;
    const late: string[] = [];
    for await (const { stream, head } of streams.all())
      for (const image of (await images.get(Object.values(head?.images ?? {}))).values())
        if (image.lineage?.staleParent) late.push(nameOf(stream));
    return late;
  }

  /**
   * Versions of causes that more than one build began for, of one head: a push that brings a finding back is another matter.
   * What is built with what it is built on is that one's.
   */
  async builtTwice(): Promise<readonly string[]> {
    const { cascades, executions } = this.fleet.world;
    const seen = new Map<string, number>();
    for (const cascadeId of new Set(executions.started))
      for await (const { stream, causeVersion, headBefore, rebuildId, follows } of cascades.nodes(cascadeId)) {
        if (follows) continue;
        const key = `${nameOf(stream)} ${causeVersion} ${headBefore}`;
        if (causeVersion !== undefined && rebuildId !== undefined) seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    return [...seen].filter(([, builds]) => builds > 1).map(([key]) => key);
  }
}

/** What failed is delivered again, until nothing does. */
async function delivered(
  bodies: readonly string[],
  handle: (left: readonly string[]) => Promise<{ readonly failed: readonly { readonly messageId: string }[] }>,
): Promise<void> {
  for (let left = bodies, turn = 0; left.length > 0; turn += 1) {
    if (turn === MOST_DELIVERIES) throw new Error('a message fails for ever');
    const { failed } = await handle(left);
    const again = new Set(failed.map(({ messageId }) => messageId));
    left = left.filter((_, n) => again.has(`m${n}`));
  }
}

const MOST_DELIVERIES = 1000;
const MOST_ROUNDS = 10;

type Meanwhile = (name: string) => void | Promise<void>;
const NOTHING: Meanwhile = () => {};
