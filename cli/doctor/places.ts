import { type Registry, registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { strictestMode } from '../../shared/domain/stream/mode.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';

/** An account and Region that Patchwave reads or gets events from. */
export interface DoctorPlace extends Registry {
  /** Repositories of this registry that the policy names without a wildcard. */
  readonly repositories: readonly string[];
}

/** Member accounts of an installation. */
export interface Members {
  /** Every account that needs a read role, in order. */
  readonly accounts: readonly string[];
  /** In order; places that were empty at the last read are left out. */
  readonly places: readonly DoctorPlace[];
  /** Accounts whose pipelines the policy allows Patchwave to start. */
  readonly building: readonly string[];
  /** Whether the policy allows deployments and image tags. */
  readonly deploys: boolean;
  readonly protects: boolean;
  /** Whether the three fields above are known. */
  readonly isPolicyRead: boolean;
}

/**
 * @param policy in force; absent if unreadable
 * @param known scopes that reviews read
 * @param organization active accounts, if the policy reviews the organization
 */
export function memberPlacesOf(
  policy: Policy | undefined,
  known: readonly ScopeRecord[],
  organization: readonly string[],
  nowEpochMs: number,
): Members {
  const read = known.filter(({ left, emptyUntilEpochMs = 0 }) => !left && emptyUntilEpochMs <= nowEpochMs);
  const listed = policy && policy.scopes !== 'organization' ? policy.scopes : [];
  const streams = policy?.streams ?? [];
  const places = [
    ...read.map(({ scope }) => scope),
    ...listed.flatMap(({ account, regions }) => regions.map((region) => ({ account, region }))),
    ...streams.flatMap(({ account, regions }) => regions.map((region) => ({ account, region }))),
    ...streams.flatMap(({ account, regions, pipeline }) =>
      pipeline
        ? (pipeline.region === undefined ? regions : [pipeline.region]).map((region) => ({
            account: pipeline.account ?? account,
            region,
          }))
        : [],
    ),
  ];
  const byKey = new Map(places.map((place) => [registryKey(place), place]));
  const kept = known.filter(({ left }) => !left).map(({ scope }) => scope.account);
  const acting = streams.filter(
    ({ id, tier, owner, account, pipeline }) =>
      policy &&
      strictestMode(policy, { tier, owner, rule: id, accounts: [account, pipeline?.account ?? account] }) === 'enforce',
  );
  return {
    accounts: [...new Set([...kept, ...[...byKey.values()].map(({ account }) => account), ...organization])].sort(),
    places: [...byKey.entries()]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, { account, region }]) => ({
        account,
        region,
        repositories: streams
          .filter((rule) => rule.account === account && rule.regions.includes(region))
          .flatMap(({ repositories }) => repositories.filter((name) => !name.includes('*'))),
      })),
    building: [
      ...new Set(acting.flatMap(({ account, pipeline }) => (pipeline ? [pipeline.account ?? account] : []))),
    ].sort(),
    deploys: acting.some(({ rollout }) => rollout === 'restart' || rollout === 'register'),
    protects: policy?.protection === 'tag',
    isPolicyRead: policy !== undefined,
  };
}
