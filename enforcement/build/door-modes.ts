import { matchesAnyGlob } from '../../shared/domain/common/glob.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { ADD_ON_NAMESPACES } from '../../shared/domain/policy/add-on-namespaces.ts';
import type { DoorMode, Doors } from '../../shared/domain/policy/doors.ts';
import { celMatchesAny, celText } from './cel.ts';

/** The modes of a door that is asked. `deny-open` denies, and lets every image start while it cannot be asked. */
export type AskedMode = DoorMode | 'deny-open';

/** What the doors of one cluster do, by namespace. */
export interface ClusterDoors<Mode extends AskedMode = DoorMode> {
  /** An expression: a mode, by an expression of the namespace. */
  readonly mode: (namespace: string) => string;
  /** An expression of type bool, by an expression of the namespace. */
  readonly requireDigest: (namespace: string) => string;
  /** Every mode that some namespace may have. */
  readonly modes: ReadonlySet<Mode>;
  /**
   * A selector by the label `kubernetes.io/metadata.name`, which every namespace has. It leaves out what it can of the namespaces
   * with other modes: it knows names, and the expressions know the patterns of the policy too.
   */
  readonly namespaces: (isMode: (mode: Mode) => boolean) => NamespaceSelector | undefined;
  /** For people: what the doors do in which namespaces, in the order of the rules. */
  readonly coverage: string;
}

export interface NamespaceSelector {
  readonly matchExpressions: readonly {
    readonly key: 'kubernetes.io/metadata.name';
    readonly operator: 'In' | 'NotIn';
    readonly values: readonly string[];
  }[];
}

/** The policy names clusters, and nothing says for which one the manifests are. */
export class ClusterNeededError extends Error {
  override readonly name = 'ClusterNeededError';
}

type Rule = Doors['rules'][number];

/** The rules that may apply in a cluster, in order; the last one names no namespace. */
function rulesFor({ rules, mode, requireDigest }: Doors, cluster: Cluster | undefined): readonly Rule[] {
  const here = rules.filter((rule, index) => {
    if (cluster === undefined && (rule.accounts ?? rule.regions ?? rule.clusters) !== undefined)
      throw new ClusterNeededError(
        `doors.rules[${index}] names accounts, Regions or clusters, so the manifests differ between clusters. Add --cluster ACCOUNT/REGION/NAME, once for each cluster.`,
      );
    return (
      cluster === undefined ||
      ((rule.accounts?.includes(cluster.account) ?? true) &&
        (rule.regions?.includes(cluster.region) ?? true) &&
        (rule.clusters === undefined || matchesAnyGlob(rule.clusters, cluster.cluster)))
    );
  });
  const first = here.findIndex(({ namespaces }) => namespaces === undefined);
  const before = first < 0 ? here : here.slice(0, first);
  return [...before, ...rulesOfAddOns(before, here), here[first] ?? { mode, requireDigest }];
}

/** A rule without namespaces names no add-on namespace: there a later one that does decides, or the door is off. */
function rulesOfAddOns(before: readonly Rule[], here: readonly Rule[]): readonly Rule[] {
  const namesIt = (name: string) => (rule: Rule) =>
    rule.namespaces !== undefined && matchesAnyGlob(rule.namespaces, name);
  return [...ADD_ON_NAMESPACES.keys()]
    .filter((name) => !before.some(namesIt(name)))
    .map((name) => ({ mode: 'off' as const, ...here.find(namesIt(name)), namespaces: [name] }));
}

/**
 * Translates `doorAt` for all namespaces of a cluster.
 * @param cluster absent if the manifests are for every cluster
 * @throws ClusterNeededError
 */
export const clusterDoors = (doors: Doors, cluster: Cluster | undefined): ClusterDoors =>
  doorsBy(doors, cluster, (rule) => rule.mode);

/** The same for a door that the API server asks: what it does without an answer is a part of the mode. */
export const askedDoors = (doors: Doors, cluster: Cluster | undefined): ClusterDoors<AskedMode> =>
  doorsBy(doors, cluster, ({ mode, onUnreachable = doors.onUnreachable }) =>
    mode === 'deny' && onUnreachable === 'allow' ? 'deny-open' : mode,
  );

/** The same for the step that writes digests into pods: `deny` where it does, and `off` elsewhere. */
export const pinningDoors = (doors: Doors, cluster: Cluster | undefined): ClusterDoors =>
  doorsBy(doors, cluster, ({ mode, pinTags = doors.pinTags }) => (mode === 'deny' && pinTags ? 'deny' : 'off'));

/** A rule with the mode that it gives. */
interface Moded<Mode> extends Pick<Rule, 'namespaces' | 'requireDigest'> {
  readonly mode: Mode;
}

function doorsBy<Mode extends AskedMode>(
  doors: Doors,
  cluster: Cluster | undefined,
  modeOf: (rule: Rule) => Mode,
): ClusterDoors<Mode> {
  const rules = rulesFor(doors, cluster).map((rule): Moded<Mode> => ({ ...rule, mode: modeOf(rule) }));
  const choice = (settingOf: (rule: Moded<Mode>) => string) => (namespace: string) =>
    rules.reduceRight((rest, rule) => {
      const value = settingOf(rule);
      if (rule.namespaces === undefined || rest === value) return value;
      return `(${celMatchesAny(namespace, rule.namespaces)} ? ${value} : ${rest})`;
    }, '');
  return {
    mode: choice((rule) => celText(rule.mode)),
    requireDigest: choice((rule) => String(rule.requireDigest ?? doors.requireDigest)),
    modes: modesOf(rules),
    namespaces: (isMode) => selectorOf(rules, isMode),
    coverage: coverageOf(rules),
  };
}

/** Rules in a row that say the same are one part. A name that an earlier part has is not repeated. */
function coverageOf(rules: readonly Moded<AskedMode>[]): string {
  const parts: { mode: AskedMode; names: string[] | undefined }[] = [];
  const seen = new Set<string>();
  for (const { mode, namespaces } of rules) {
    const names = namespaces?.filter((name) => !seen.has(name));
    for (const name of names ?? []) seen.add(name);
    const last = parts.at(-1);
    if (names && last?.names && last.mode === mode) last.names.push(...names);
    else if (names?.length !== 0) parts.push({ mode, names: names && [...names] });
  }
  return parts
    .map(
      ({ mode, names }) =>
        `${MODE_TEXTS[mode]} in ${names?.join(', ') ?? (parts.length > 1 ? 'all others' : 'all namespaces')}`,
    )
    .join('; ');
}

const MODE_TEXTS: Readonly<Record<AskedMode, string>> = {
  ...{ off: 'off', warn: 'warn', deny: 'deny' },
  'deny-open': 'deny (allow while it cannot be asked)',
};

/** A rule whose every name an earlier one has already decides nothing. */
function modesOf<Mode>(rules: readonly Moded<Mode>[]): ReadonlySet<Mode> {
  const isFirst = (name: string, index: number): boolean =>
    rules.findIndex(({ namespaces }) => namespaces === undefined || matchesAnyGlob(namespaces, name)) === index;
  const deciding = rules.filter(
    ({ namespaces }, index) => namespaces?.some((name) => name.includes('*') || isFirst(name, index)) ?? true,
  );
  return new Set(deciding.map(({ mode }) => mode));
}

function selectorOf<Mode>(
  rules: readonly Moded<Mode>[],
  isMode: (mode: Mode) => boolean,
): NamespaceSelector | undefined {
  const named = rules.flatMap(({ namespaces = [] }) => namespaces);
  const names = [...new Set(named.filter((name) => !name.includes('*')))].sort();
  const isNamed = (name: string): boolean => {
    const rule = rules.find(({ namespaces }) => namespaces === undefined || matchesAnyGlob(namespaces, name));
    return rule !== undefined && isMode(rule.mode);
  };
  const others = rules.filter(({ namespaces }) => namespaces?.some((name) => name.includes('*')) ?? true);
  const select = (operator: 'In' | 'NotIn', values: readonly string[]): NamespaceSelector => ({
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator, values }],
  });
  if (!others.some(({ mode }) => isMode(mode))) return select('In', names.filter(isNamed));
  const left = names.filter((name) => !isNamed(name));
  return left.length > 0 ? select('NotIn', left) : undefined;
}
