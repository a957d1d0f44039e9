import type { Policy, StreamRule } from '../policy/policy.ts';
import { shareARepository } from '../policy/policy-rules.ts';
import { linesOf, type ReleaseLine } from './stream.ts';

/** A release line of the new policy of which Patchwave cannot tell which streams it goes on with. */
export interface UnclearLine {
  /** Id of its rule. */
  readonly rule: string;
  readonly headTag: string;
  /** Names of release lines that it may be: lines that lost their pattern, or that had this pattern before. */
  readonly mayBe: readonly string[];
  /** The head tag whose streams have this name already. */
  readonly takenBy?: string;
}

export interface KeptNames {
  /** With the names that its release lines keep. */
  readonly policy: Policy;
  /** The release lines that go on under another pattern, by name. */
  readonly renamed: readonly { readonly rule: string; readonly headTag: string; readonly name: string }[];
  /** A person must give these a name. */
  readonly unclear: readonly UnclearLine[];
}

/**
 * The names of release lines under a new policy, so that an edit of a pattern keeps its streams with their history, causes and
 * closures. A name that the new policy gives counts. Else a line keeps the name that its pattern has in the policy in force, in a
 * rule for the same repository. Else it is the one line there that lost its pattern, or the one that had this pattern before.
 * @param history the policies, the one in force first
 */
export function keepStreamNames(history: readonly Policy[], next: Policy): KeptNames {
  const [before, ...earlier] = history.map(({ streams }) => linesOf(streams));
  if (!before) return { policy: next, renamed: [], unclear: [] };
  const byHeadTag = Map.groupBy(before, ({ headTag }) => headTag);
  const lines = linesOf(next.streams);
  const mayBe = new Map(
    lines.map((line) => [line, isGiven(line) ? [line.name] : namesBeside(line, byHeadTag.get(line.headTag) ?? [])]),
  );
  const settled = new Set(lines.filter((line) => !isGiven(line) && mayBe.get(line)?.length === 1));
  const fresh = lines.filter((line) => mayBe.get(line)?.length === 0);
  const replaced = replacedBy(fresh, lostLines(before, mayBe));
  const past = pastLines(earlier);
  const asked = new Set(fresh.filter((line) => hasRival(line, fresh, replaced)));
  for (const line of fresh) {
    const same = past.find(({ headTag, rule }) => headTag === line.headTag && shareARepository(rule, line.rule));
    const names = namesOf([...(replaced.get(line) ?? []), ...(same ? [same] : [])]);
    // No rule names the repository now: a rule of before may be back in another form.
    const gone = names.length > 0 || hasNeighbour(line, before) ? [] : namesBeside(line, past);
    if (gone.length > 0) asked.add(line);
    mayBe.set(line, [...names, ...gone].length === 0 ? [line.headTag] : [...names, ...gone]);
  }
  const unclear = [
    ...lines
      .filter((line) => mayBe.get(line)?.length !== 1 || asked.has(line))
      .map((line) => ({ ...lineKey(line), mayBe: mayBe.get(line) ?? [] })),
    ...takenNames(mayBe, settled, asked),
  ];
  const nameOf = new Map(lines.map((line) => [keyOf(line.rule, line.headTag), mayBe.get(line)?.[0] ?? line.headTag]));
  const policy = { ...next, streams: next.streams.map((rule) => withNames(rule, nameOf)) };
  const renamed = linesOf(policy.streams).flatMap((line) => {
    const isOld = byHeadTag.get(line.headTag)?.some(({ name }) => name === line.name) === true;
    return line.name === line.headTag || isOld ? [] : [{ ...lineKey(line), name: line.name }];
  });
  return { policy, renamed, unclear };
}

type Names = ReadonlyMap<ReleaseLine, readonly string[]>;

/** Release lines of the policy in force that no line of the new one goes on with. */
function lostLines(before: readonly ReleaseLine[], mayBe: Names): readonly ReleaseLine[] {
  const pairs = [...mayBe].flatMap(([line, names]) => names.map((name) => ({ line, name })));
  const byName = Map.groupBy(pairs, ({ name }) => name);
  return before.filter(
    (one) =>
      !hasNeighbour(
        one,
        (byName.get(one.name) ?? []).map(({ line }) => line),
      ),
  );
}

const replacedBy = (fresh: readonly ReleaseLine[], lost: readonly ReleaseLine[]) =>
  new Map(fresh.map((line) => [line, lost.filter((one) => shareARepository(one.rule, line.rule))]));

/** Whether another new line of the repository may be the same one. */
const hasRival = (
  line: ReleaseLine,
  fresh: readonly ReleaseLine[],
  replaced: ReadonlyMap<ReleaseLine, readonly ReleaseLine[]>,
): boolean =>
  fresh.some(
    (other) =>
      other.headTag !== line.headTag &&
      replaced.get(other)?.some((one) => replaced.get(line)?.includes(one)) === true &&
      shareARepository(other.rule, line.rule),
  );

/**
 * Release lines whose only possible name another line of the repository has.
 * @param settled they have their name in the policy in force, so they keep it
 */
function takenNames(mayBe: Names, settled: ReadonlySet<ReleaseLine>, asked: ReadonlySet<ReleaseLine>): UnclearLine[] {
  const sure = [...mayBe].flatMap(([line, [name, ...more]]) =>
    name === undefined || more.length > 0 || asked.has(line) ? [] : [{ line, name }],
  );
  return [...Map.groupBy(sure, ({ name }) => name)].flatMap(([name, those]) => {
    if (those.every(({ line }) => line.headTag === those[0]?.line.headTag)) return [];
    return those.flatMap(({ line }) => {
      const other = settled.has(line)
        ? undefined
        : those.find((one) => one.line.headTag !== line.headTag && shareARepository(one.line.rule, line.rule));
      return other ? [{ ...lineKey(line), mayBe: [name], takenBy: other.line.headTag }] : [];
    });
  });
}

const isGiven = ({ rule, headTag }: ReleaseLine): boolean => rule.names?.[headTag] !== undefined;

const lineKey = ({ rule, headTag }: ReleaseLine) => ({ rule: rule.id, headTag });

const keyOf = (rule: StreamRule, headTag: string): string => `${rule.id} ${headTag}`;

/** Names that are their pattern are left out. */
function withNames({ names: _, ...rule }: StreamRule, nameOf: ReadonlyMap<string, string>): StreamRule {
  const others = rule.headTags.flatMap((headTag) => {
    const name = nameOf.get(keyOf(rule, headTag)) ?? headTag;
    return name === headTag ? [] : [[headTag, name]];
  });
  return others.length === 0 ? rule : { ...rule, names: Object.fromEntries(others) };
}

/** The names of those lines that may be of the repository of a line. */
function namesBeside(line: ReleaseLine, lines: readonly ReleaseLine[]): readonly string[] {
  const byName = Map.groupBy(lines, ({ name }) => name);
  return [...byName].filter(([, those]) => hasNeighbour(line, those)).map(([name]) => name);
}

/** Whether one of several lines may be of the repository of a line; a rule mostly keeps its id. */
const hasNeighbour = ({ rule }: ReleaseLine, lines: readonly ReleaseLine[]): boolean =>
  lines.some((one) => one.rule.id === rule.id && shareARepository(one.rule, rule)) ||
  lines.some((one) => shareARepository(one.rule, rule));

const namesOf = (lines: readonly ReleaseLine[]): readonly string[] => [...new Set(lines.map(({ name }) => name))];

/** Release lines of earlier policies, the newest first. Versions share their equal rules in memory, so each is there once. */
function pastLines(earlier: readonly (readonly ReleaseLine[])[]): readonly ReleaseLine[] {
  const seen = new Set<StreamRule>();
  return earlier.flatMap((lines) => {
    const others = lines.filter(({ rule }) => !seen.has(rule));
    for (const { rule } of others) seen.add(rule);
    return others;
  });
}
