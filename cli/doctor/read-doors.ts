import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { isSilent } from '../../shared/domain/admission/silent-webhook.ts';
import { type Doors, doorPlaceText, mayDeny } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { keyOfScope } from '../../shared/domain/review/run.ts';
import type { AskedWebhook } from '../../shared/ports/admission.ts';
import type { DoorsDescription, StackDescription } from './installation.ts';
import type { DoorReads, LedgerReads } from './ports.ts';
import { reading } from './reading.ts';

const REGIONS_AT_ONCE = 4;

/**
 * Reads the stacks of doors in the Region of the hub and in those of known EKS clusters.
 * @param policy in force; absent if none can be read: then no door is known to deny
 */
export async function readDoors(
  doors: DoorReads,
  { region, outputs: { LedgerTable = '' } }: StackDescription,
  ledger: LedgerReads,
  policy: Policy | undefined,
  nowEpochMs: number,
): Promise<DoorsDescription> {
  const known = (await collect(ledger.scopes.all())).filter(
    ({ left, scope, emptyUntilEpochMs = 0 }) => !left && scope.region !== '*' && emptyUntilEpochMs <= nowEpochMs,
  );
  const eks = known.flatMap(({ scope: { account, region, eksCluster: cluster } }) =>
    cluster === undefined ? [] : [{ account, region, cluster }],
  );
  const ecs = known.flatMap(({ scope }) => (scope.eksCluster === undefined ? [scope] : []));
  const regions = [...new Set([region, ...eks.map((cluster) => cluster.region)])];
  const stacks = await mapConcurrently(
    regions,
    REGIONS_AT_ONCE,
    async (one) => [one, await reading(() => doors.stacks(one, LedgerTable))] as const,
  );
  const asked = await collect(ledger.webhooks.all());
  const askedOnce = new Set(asked.map(({ cluster }) => doorPlaceText(cluster)));
  const podCreated = new Map(
    known.flatMap(({ scope, podCreatedAtEpochMs: at }) => (at === undefined ? [] : [[keyOfScope(scope), at] as const])),
  );
  const denyingEks = eks.filter((cluster) => policy && mayDeny(policy, cluster));
  return {
    stacks: new Map(stacks),
    sharedSecret: asked.filter(asksBySharedSecret).map(({ cluster }) => cluster),
    silent: asked.flatMap(({ cluster, lastAskedAtEpochMs }) => {
      const podCreatedAtEpochMs = podCreated.get(doorPlaceText(cluster));
      return podCreatedAtEpochMs !== undefined && isSilent(lastAskedAtEpochMs, podCreatedAtEpochMs, nowEpochMs)
        ? [{ cluster, lastAskedAtEpochMs, podCreatedAtEpochMs }]
        : [];
    }),
    neverAsked: denyingEks.filter((one) => podCreated.has(doorPlaceText(one)) && !askedOnce.has(doorPlaceText(one))),
    denyingEks,
    denyingEcs: ecs.filter((place) => policy?.doors && mayDeny({ doors: ofEcs(policy.doors) }, place)),
  };
}

/** Within the last hour in which it asked. */
const asksBySharedSecret = ({ lastAskedAtEpochMs, sharedSecretAtEpochMs }: AskedWebhook): boolean =>
  sharedSecretAtEpochMs !== undefined && sharedSecretAtEpochMs >= lastAskedAtEpochMs;

/** A rule with namespaces names no ECS cluster. */
const ofEcs = (doors: Doors): Doors => ({
  ...doors,
  rules: doors.rules.filter(({ namespaces }) => namespaces === undefined),
});
