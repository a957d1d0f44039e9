import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { Mode, Policy } from '../../shared/domain/policy/policy.ts';
import { type StreamPolicy, streamPolicy, streamRuleOf } from '../../shared/domain/stream/stream-policy.ts';
import { voidFromEpochMs } from '../../shared/domain/verdict/waiver.ts';

/** One field that differs; the values as a person writes them, absent where the policy has no such field. */
export interface FieldChange {
  /** From the top of the document or of the rule, as in `caps.concurrentRebuilds`. */
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

/** A rule or a waiver that differs, by its id. */
export interface RuleChange {
  readonly id: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** What differs of a changed one; all fields of the others. */
  readonly fields: readonly FieldChange[];
}

/** What a stream has by its rule. */
export interface StreamSettings {
  /** Absent if no rule names the stream: nothing is done for it. */
  readonly rule?: string;
  /** `account/region/name`; absent if none may rebuild it. */
  readonly pipeline?: string;
  readonly mode: Mode;
}

export interface StreamChange {
  readonly stream: string;
  readonly before: StreamSettings;
  readonly after: StreamSettings;
}

export interface PolicyDiff {
  /** All but `streams`, `severities` and `waivers`: modes, ages, caps, guards, scopes and so on. */
  readonly settings: readonly FieldChange[];
  readonly streamRules: readonly RuleChange[];
  readonly severityRules: readonly RuleChange[];
  readonly waivers: readonly RuleChange[];
  /** Known streams that lose or gain a rule or a pipeline, or whose mode changes. */
  readonly streams: readonly StreamChange[];
}

/**
 * What differs between two policies, with their defaults filled in.
 * @param before absent before the first policy
 * @param streams ids of all known streams
 */
export function policyDiff(before: Policy | undefined, after: Policy, streams: readonly string[]): PolicyDiff {
  return {
    settings: fieldChanges(before && settingsOf(before), settingsOf(after)),
    streamRules: itemChanges(before?.streams, after.streams),
    severityRules: itemChanges(before?.severities, after.severities),
    waivers: itemChanges(before?.waivers, after.waivers),
    streams: [...streams].sort(compareTexts).flatMap((stream) => {
      const change = { stream, before: settingsFor(before, stream), after: settingsFor(after, stream) };
      return sameSettings(change.before, change.after) ? [] : change;
    }),
  };
}

function settingsOf({ streams, severities, waivers, ...settings }: Policy): object {
  return settings;
}

function settingsFor(policy: Policy | undefined, stream: string): StreamSettings {
  if (!policy) return { mode: 'report-only' };
  const { mode, pipeline } = streamPolicy(policy, stream);
  const rule = streamRuleOf(policy, stream)?.id;
  return { ...(rule !== undefined && { rule }), ...(pipeline && { pipeline: pipelineText(pipeline) }), mode };
}

const pipelineText = ({ account, region, name }: NonNullable<StreamPolicy['pipeline']>): string =>
  `${account}/${region}/${name}`;

const sameSettings = (one: StreamSettings, other: StreamSettings): boolean =>
  one.rule === other.rule && one.pipeline === other.pipeline && one.mode === other.mode;

function itemChanges<Item extends { readonly id: string }>(
  before: readonly Item[] | undefined,
  after: readonly Item[],
): readonly RuleChange[] {
  const old = new Map((before ?? []).map((item) => [item.id, item]));
  const kept = new Set(after.map(({ id }) => id));
  const changed = after.flatMap((item): RuleChange[] => {
    const was = old.get(item.id);
    const fields = fieldChanges(was, item);
    if (was && fields.length === 0) return [];
    return [{ id: item.id, change: was ? 'changed' : 'added', fields }];
  });
  const removed = [...old.values()].filter(({ id }) => !kept.has(id));
  return [...changed, ...removed.map(({ id }): RuleChange => ({ id, change: 'removed', fields: [] }))];
}

function fieldChanges(before: object | undefined, after: object): readonly FieldChange[] {
  const [old, next] = [before ? leavesOf(before) : new Map<string, string>(), leavesOf(after)];
  return [...new Set([...old.keys(), ...next.keys()])].sort(compareTexts).flatMap((path): FieldChange[] => {
    const [was, is] = [old.get(path), next.get(path)];
    if (was === is) return [];
    return [{ path, ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) }];
  });
}

/** Every field that is no object, by its path. A list is one field. */
function leavesOf(value: object, path = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, field] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    if (field === undefined) continue;
    if (typeof field !== 'object' || field === null || Array.isArray(field)) found.set(at, textOf(field));
    else for (const [inner, text] of leavesOf(field, at)) found.set(inner, text);
  }
  return found;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || value.length === 0) return JSON.stringify(value);
  return value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(', ');
}

/** Sentences about parts of a policy that can hardly be meant: waivers that are over, and limits of no day. */
export function policyDoubts({ ages, waivers, doors }: Policy, nowEpochMs: number): readonly string[] {
  const limits = Object.entries({ default: ages.default, ...tierAges(ages) });
  return [
    ...limits.flatMap(([name, { limitDays }]) =>
      limitDays === 0
        ? `The age limit of ${name === 'default' ? 'all other tiers' : `tier ${name}`} is 0 days, so every image there is too old at once. Give \`limitDays\` at least 1.`
        : [],
    ),
    ...waivers.flatMap((waiver) =>
      voidFromEpochMs(waiver) <= nowEpochMs
        ? `Waiver ${waiver.id} expired at ${instant(voidFromEpochMs(waiver))} and has no effect. Remove it, or set a later \`expires\`.`
        : [],
    ),
    ...unansweredTexts(doors),
  ];
}

/** What the doors do while Patchwave cannot be asked, where the policy says it. */
function unansweredTexts(doors: Policy['doors']): readonly string[] {
  const denying = doors ? [doors, ...doors.rules].filter(({ mode }) => mode === 'deny') : [];
  const said = denying.flatMap((one) => one.onUnreachable ?? doors?.onUnreachable ?? []);
  return [
    ...(said.includes('allow')
      ? [
          'Where `onUnreachable` is `allow`, every image starts while Patchwave cannot be asked or cannot read. A person who can bring that about, such as by more requests than RequestsPerSecond, can start any image there.',
        ]
      : []),
    ...(said.includes('refuse')
      ? [
          'Where `onUnreachable` is `refuse`, no new pod starts while Patchwave cannot be asked or cannot read, also none that replaces one of a failed node.',
        ]
      : []),
  ];
}

const tierAges = ({ tiers = {} }: Policy['ages']): Readonly<Record<string, { readonly limitDays: number }>> =>
  Object.fromEntries(Object.entries(tiers).flatMap(([tier, limit]) => (limit ? [[`${tier}`, limit]] : [])));
