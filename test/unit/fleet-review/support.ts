import type { Digest } from '../../../shared/domain/image/image.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';

export const EXECUTION = 'execution:fleet-review:first';
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const digestOf = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

export const hub = { account: '111122223333', region: 'us-east-1' } as const;
export const payments = { account: '444455556666', region: 'eu-west-1' } as const;

export const policyOf = (changes: Partial<PolicyDocument> = {}): Policy =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [
      {
        id: 'base-debian',
        tier: 'base',
        ...{ account: hub.account, regions: [hub.region] },
        repositories: ['base/debian'],
        headTags: ['^12$'],
        owner: 'platform',
      },
      {
        id: 'apps',
        tier: 'application',
        ...{ account: payments.account, regions: [payments.region] },
        repositories: ['apps/*'],
        headTags: ['^[0-9a-f]{7}-[0-9]+$', '^stable$'],
        owner: 'payments',
      },
    ],
    severities: [],
    awsManaged: { accounts: ['602401143452'], references: [] },
    ...changes,
  });

export async function reviewedWorld(changes: Partial<PolicyDocument> = {}) {
  const world = fakeWorld();
  world.accounts.add({ id: hub.account, name: 'hub' }, [hub.region, 'us-west-2']);
  world.accounts.add({ id: payments.account, name: 'payments' }, [payments.region]);
  const policyVersion = await world.policies.publish(policyOf(changes), {});
  return { world, policyVersion };
}

export const portsOf = (world: FakeWorld) => ({
  ...world,
  files: world.runFiles,
  retry: { attempts: 3, wait: async () => {} },
});

export const started = { executionArn: EXECUTION, executionStartedAt: START_EPOCH_MS };

export const seen = (changes: object) => ({
  ...payments,
  cluster: 'main',
  workloadKind: 'ecs-service' as const,
  workload: 'web',
  container: 'app',
  count: 1,
  ...changes,
});
