import type { FakeWorld } from '../../support/fakes/world.ts';
import type { Clockwork } from './clockwork.ts';
import type { Ecs, TrueContainer } from './ecs.ts';
import type { Line } from './fleet.ts';
import { platformOf } from './images.ts';

const MINUTE_MS = 60_000;

interface Schedule {
  readonly name: string;
  readonly line: Line;
  readonly by: 'rules' | 'schedules';
  /** As the task definition of now names its image. */
  reference: string;
  /** Since when it does. */
  sinceEpochMs: number;
}

/** What starts a task by a clock: it runs some minutes, and no review may see it run. */
export class Schedules {
  readonly #with: { readonly world: FakeWorld; readonly clockwork: Clockwork; readonly ecs: Ecs };
  readonly #schedules = new Map<string, Schedule>();

  constructor(life: { readonly world: FakeWorld; readonly clockwork: Clockwork; readonly ecs: Ecs }) {
    this.#with = life;
  }

  get all(): readonly Schedule[] {
    return [...this.#schedules.values()];
  }

  add(line: Line, { name, by, reference }: Pick<Schedule, 'name' | 'by' | 'reference'>): void {
    const { world, clockwork } = this.#with;
    const schedule: Schedule = { name, line, by, reference, sinceEpochMs: clockwork.now };
    this.#schedules.set(name, schedule);
    const cluster = { ...line.runsIn, cluster: 'main' };
    world.workloads.run(cluster);
    const workloadKind = by === 'rules' ? 'ecs-rule' : 'ecs-schedule';
    world[by].add(cluster, name, () => ({
      ...{ workloadKind, workload: name, architecture: line.architectures[0] ?? 'amd64' },
      containers: [{ name: 'main', image: schedule.reference }],
    }));
  }

  /** Its team registers a revision of its task definition with another image. */
  change(name: string, reference: string): void {
    const schedule = this.#schedules.get(name);
    if (!schedule) throw new Error(`there is no schedule ${name}`);
    Object.assign(schedule, { reference, sinceEpochMs: this.#with.clockwork.now });
  }

  /** The container that each would run, if it were time now; none of an image that is gone. */
  starts(): readonly TrueContainer[] {
    return this.all.flatMap(({ name, line, reference, sinceEpochMs }) => {
      const { images = [] } = this.#with.ecs.meaningNow(reference) ?? {};
      const image = images.find(({ platform }) => platform === platformOf(line.architectures[0] ?? 'amd64'));
      return image
        ? [{ service: name, container: 'main', reference, image, sinceEpochMs, shown: 'digest' as const }]
        : [];
    });
  }

  /** The containers of one night: its tasks run for some minutes. */
  startAll(): void {
    const { world, clockwork } = this.#with;
    for (const { service, reference, image } of this.starts()) {
      const { line } = this.#schedules.get(service) as Schedule;
      const cluster = { ...line.runsIn, cluster: 'main' };
      const workload = `${service}-task`;
      world.workloads.run(cluster, {
        ...{ workloadKind: 'ecs-task', workload, architecture: line.architectures[0] ?? 'amd64' },
        containers: [{ name: 'main', image: reference, digest: image.digest }],
      });
      clockwork.in(20 * MINUTE_MS, () => void world.workloads.stop(cluster, workload));
    }
  }
}
