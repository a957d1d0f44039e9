import { registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import { strictestMode } from '../../shared/domain/stream/mode.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';

/** An account and Region that Patchwave reads, or from which it awaits events. */
export interface DoctorPlace extends Scope {
  /** Names of repositories in this registry that the policy lists without a wildcard. */
  readonly repositories: readonly string[];
}

/** What of an installation is in member accounts. */
export interface Members {
  /** Every account whose read role has to be there, in order. */
  readonly accounts: readonly string[];
  /** In order; those that held nothing when they were last read are left out. */
  readonly places: readonly DoctorPlace[];
  /** Accounts whose pipelines the policy lets Patchwave start. */
  readonly building: readonly string[];
  /** Whether the policy lets services be deployed, and images be given tags. */
  readonly deploys: boolean;
  readonly protects: boolean;
  /** Whether the three above are known. */
  readonly isPolicyRead: boolean;
}

/**
 * @param policy in force; absent where it cannot be read
 * @param known scopes that reviews read
 * @param organization active accounts, where the policy reviews the organization
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
