import type { Registry } from '../domain/image/image.ts';
import type { EcsService, ServiceAtZero } from '../domain/image/service-at-zero.ts';

export interface ServiceAtZeroReads {
  /** Strongly consistent, ended ones too: all, or those of one account and Region. One that cannot be read is left out. */
  all(of?: Registry): AsyncIterable<ServiceAtZero>;
}

/** Services of Amazon ECS at zero. Each lives until a while after a review found it started or deleted. */
export interface ServiceAtZeroLedger extends ServiceAtZeroReads {
  /** Changes or creates the record of one service; returns the stored one. */
  change(
    service: EcsService,
    change: (before: ServiceAtZero | undefined) => ServiceAtZero | undefined,
  ): Promise<ServiceAtZero | undefined>;
}
