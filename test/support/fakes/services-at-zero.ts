import type { Registry } from '../../../shared/domain/image/image.ts';
import { type EcsService, type ServiceAtZero, serviceKeyOf } from '../../../shared/domain/image/service-at-zero.ts';
import type { ServiceAtZeroLedger } from '../../../shared/ports/services-at-zero.ts';

/** Services at zero, in memory. */
export class FakeServiceAtZeroLedger implements ServiceAtZeroLedger {
  readonly #services = new Map<string, ServiceAtZero>();

  async *all(of?: Registry): AsyncIterable<ServiceAtZero> {
    const begins = of ? `${of.account}/${of.region}/` : '';
    const sorted = [...this.#services].toSorted(([one], [other]) => (one < other ? -1 : 1));
    for (const [key, service] of sorted) if (key.startsWith(begins)) yield structuredClone(service);
  }

  async change(
    service: EcsService,
    change: (before: ServiceAtZero | undefined) => ServiceAtZero | undefined,
  ): Promise<ServiceAtZero | undefined> {
    const key = serviceKeyOf(service);
    const after = change(structuredClone(this.#services.get(key)));
    if (after) this.#services.set(key, structuredClone(after));
    return structuredClone(this.#services.get(key));
  }
}
