import type { ECRClient } from '@aws-sdk/client-ecr';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { RegistryClient } from '../builds/registry.ts';
import type { CloudAdmin } from '../cloud/admin-client.ts';
import type { FleetBuild } from './build.ts';
import type { Fleet } from './schema.ts';

/** The embedded cloud did not come to hold what the fleet file says; the message names the resource. */
export class SeedError extends Error {
  override readonly name = 'SeedError';
}

/** Requests at a time: the embedded cloud is one Python process, more would only queue there. */
export const SEED_CONCURRENCY = 16;

export const DAY_MS = 86_400_000;

/** What the steps of the seeder share. */
export interface SeedContext {
  readonly fleet: Fleet;
  readonly builds: ReadonlyMap<string, FleetBuild>;
  readonly nowEpochMs: number;
  readonly admin: CloudAdmin;
  readonly registry: RegistryClient;
  readonly ecr: (account: string, region: string) => ECRClient;
  readonly ecs: (account: string, region: string) => ECSClient;
  readonly scheduler: (account: string, region: string) => SchedulerClient;
}
