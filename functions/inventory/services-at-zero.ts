import { mapConcurrently } from '../../shared/concurrency.ts';
import {
  afterReading,
  nameInCluster,
  type SeenAtZero,
  type ServicesSeen,
} from '../../shared/domain/image/service-at-zero.ts';
import type { Cluster, RunningTask } from '../../shared/domain/image/usage.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { ServiceAtZeroLedger } from '../../shared/ports/services-at-zero.ts';

const WRITES_AT_ONCE = 8;

/** The services at zero of one reading, with what may start the same images in their clusters. */
export class ServicesWithoutTask {
  readonly #services = new Map<string, { readonly cluster: string; readonly service: string; images: Set<string> }>();
  readonly #started = new Set<string>();

  note({ cluster }: Cluster, tasks: readonly RunningTask[]): void {
    for (const { isAtZero, workload: service, containers } of tasks) {
      if (!isAtZero) continue;
      const name = nameInCluster({ cluster, service });
      const known = this.#services.get(name) ?? { cluster, service, images: new Set<string>() };
      for (const { image } of containers) if (image !== undefined) known.images.add(imageIn(cluster, image));
      this.#services.set(name, known);
    }
  }

  noteStart({ cluster }: Cluster, { containers }: RunningTask): void {
    for (const { image } of containers) if (image !== undefined) this.#started.add(imageIn(cluster, image));
  }

  /** @param isUnread a rule or schedule may be missing */
  atZero(isUnread: boolean): SeenAtZero[] {
    return [...this.#services.values()].map(({ cluster, service, images }) => ({
      ...{ cluster, service },
      ...((isUnread || [...images].some((image) => this.#started.has(image))) && { isScheduled: true }),
    }));
  }
}

const imageIn = (cluster: string, image: string): string => `${cluster} ${image}`;

/** Records what a reading shows of the services at zero of an account and Region. Most readings change nothing. */
export async function recordAtZero(
  ledger: ServiceAtZeroLedger,
  { account, region }: Scope,
  seen: ServicesSeen,
): Promise<void> {
  const known = new Map(
    (await Array.fromAsync(ledger.all({ account, region }))).map((one) => [nameInCluster(one), one]),
  );
  const names = new Map([...known.values(), ...seen.atZero].map((one) => [nameInCluster(one), one]));
  const byName = new Map(seen.atZero.map((one) => [nameInCluster(one), one]));
  await mapConcurrently([...names], WRITES_AT_ONCE, async ([key, { cluster, service }]) => {
    const name = { account, region, cluster, service };
    // A search of all for each would cost the square of their number.
    const own = byName.get(key);
    const ofOne = { ...seen, atZero: own ? [own] : [] };
    const before = known.get(key);
    if (afterReading(name, before, ofOne) === before) return;
    await ledger.change(name, (stored) => {
      const after = afterReading(name, stored, ofOne);
      return after === stored ? undefined : after;
    });
  });
}
