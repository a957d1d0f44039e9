import { counted } from '../../shared/domain/common/counted.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { graceTable, refusedTable, unknownTable } from '../doors/render-doors.ts';
import { type Colour, fitted, paint, table } from '../output.ts';
import { shellWord } from '../shell-word.ts';
import { VERDICT_COLOURS } from '../verdict-status.ts';
import type { FieldChange, PolicyDiff, RuleChange, StreamChange, StreamSettings } from './policy-diff.ts';
import type { WholeEffect, WorkOfPolicy } from './whole-effect.ts';

const MOST_ROWS = 20;
const MOST_WARNINGS = 10;

/**
 * What a policy would change, as text: warnings, fields, rules, streams, verdicts, and the work that would start.
 * @param listAll how a person gets all rows of a table that is cut
 * @param file the policy, where the whole plan is not shown too
 */
export function effectText(effect: WholeEffect, listAll: string, file?: string): string {
  const { diff, renamed, leaving, warnings, changes, judged, starts, stops, problem } = effect;
  const verdicts = `${changes.length} of ${judged} verdicts would change.`;
  return [
    renamed.map(renamedText).join('\n'),
    warningsText(warnings, listAll),
    ...fieldsText(diff, listAll),
    ...streamsText(diff.streams, listAll),
    leavingText(leaving, listAll),
    changes.length === 0 ? verdicts : `${verdicts}\n${cut(changes, verdictsTable, listAll)}`,
    refusalsText(effect),
    problem === undefined
      ? workText(starts, stops, listAll, file)
      : paint('yellow', `Rebuilds and deployments: unknown. ${problem}`),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function warningsText(warnings: readonly string[], listAll: string): string {
  const lines = warnings
    .slice(0, MOST_WARNINGS)
    .map((warning) => fitted(`${paint('yellow', 'Warning:')} ${warning}`, 2));
  if (warnings.length > MOST_WARNINGS)
    lines.push(paint('dim', `and ${counted(warnings.length - MOST_WARNINGS, 'more warning')}. ${listAll}`));
  return lines.join('\n');
}

const SEE_ALL = 'To see all: patchwave doors check --policy FILE';

/** Empty if no door says anything against what runs. */
function refusalsText({ refusals, graced, refusedAlready, unknownStarts }: WholeEffect): string {
  const refused = refusals.length + refusedAlready + unknownStarts.length;
  if (refused + graced.length === 0) return '';
  const already =
    refusedAlready === 0 ? '' : ` The policy in force refuses ${counted(refusedAlready, 'other image')}, too.`;
  const runs = (starts: readonly unknown[]): string =>
    `${counted(starts.length, 'image')} that ${starts.length === 1 ? 'runs' : 'run'} now`;
  const title = `The doors would refuse ${runs(refusals)}`;
  const grace = `The doors would let start ${runs(graced)} with a warning, until its grace ends`;
  const note = `They read the facts that are recorded. New rules of this policy count from the next review on.${already}`;
  const unknown = `${counted(unknownStarts.length, 'place')} where the doors would deny, and what runs is not known`;
  return [
    ...(refused > 0 ? [paint(refusals.length > 0 ? 'red' : 'bold', title)] : []),
    ...(refusals.length > 0 ? [cut(refusals, refusedTable, SEE_ALL)] : []),
    ...(graced.length > 0 ? [paint('yellow', grace), cut(graced, (rows) => graceTable(rows), SEE_ALL)] : []),
    fitted(note, 2),
    ...(unknownStarts.length > 0 ? [paint('yellow', unknown), cut(unknownStarts, unknownTable, SEE_ALL)] : []),
  ].join('\n');
}

interface Line extends FieldChange {
  readonly what: string;
}

function fieldsText({ settings, streamRules, severityRules, waivers }: PolicyDiff, listAll: string): readonly string[] {
  const lines = [
    ...settings.map((change) => ({ ...change, what: '' })),
    ...streamRules.flatMap((item) => itemLines('stream rule', item)),
    ...severityRules.flatMap((item) => itemLines('severity rule', item)),
    ...waivers.flatMap((item) => itemLines('waiver', item)),
  ];
  if (lines.length === 0) return ['No field differs from the policy in force.'];
  return [`${paint('bold', 'Fields of the policy')}\n${cut(lines, fieldsTable, listAll)}`];
}

/** One line for a whole rule that comes or goes: its fields are in the file. */
function itemLines(kind: string, { id, change, fields }: RuleChange): readonly Line[] {
  const what = `${kind} ${id}`;
  if (change === 'added') return [{ what, path: '', after: 'added' }];
  if (change === 'removed') return [{ what, path: '', after: 'removed' }];
  return fields.map((field) => ({ ...field, what }));
}

const fieldsTable = (lines: readonly Line[]): string =>
  table(lines, [
    { title: 'field', value: ({ what, path }) => [what, path].filter((text) => text !== '').join(' ') },
    { title: 'now', value: ({ before }) => before ?? '-' },
    { title: 'with this policy', value: ({ after }) => after ?? '-', colour: () => 'cyan' },
  ]);

function streamsText(streams: readonly StreamChange[], listAll: string): readonly string[] {
  if (streams.length === 0) return [];
  const title = `${counted(streams.length, 'stream')} would have another rule, pipeline or mode`;
  return [`${paint('bold', title)}\n${cut(streams, streamsTable, listAll)}`];
}

const renamedText = ({ rule, headTag, name }: WholeEffect['renamed'][number]): string =>
  `Rule ${rule}: head tag ${headTag} goes on with the streams named ${name}.`;

function leavingText(leaving: WholeEffect['leaving'], listAll: string): string {
  if (leaving.length === 0) return '';
  const title = `${counted(leaving.length, 'stream')} with open work would lose ${leaving.length === 1 ? 'its' : 'their'} rule`;
  const leavingTable = (rows: WholeEffect['leaving']): string =>
    table(rows, [
      { title: 'stream', value: ({ stream }) => stream },
      { title: 'open', value: ({ work }) => work.join(', ') },
    ]);
  return `${paint('red', title)}\n${cut(leaving, leavingTable, listAll)}`;
}

const streamsTable = (rows: readonly StreamChange[]): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    ...(['rule', 'pipeline', 'mode'] as const).map((field) => ({
      title: field,
      value: ({ before, after }: StreamChange) => fromTo(before[field], after[field]),
      colour: ({ before, after }: StreamChange) => colourOf(before, after, field),
    })),
  ]);

const fromTo = (before = 'none', after = 'none'): string => (before === after ? after : `${before} -> ${after}`);

function colourOf(before: StreamSettings, after: StreamSettings, field: keyof StreamSettings): Colour | undefined {
  if (before[field] === after[field]) return 'dim';
  return after[field] === undefined ? 'red' : 'cyan';
}

const verdictsTable = (changes: WholeEffect['changes']): string =>
  table(changes, [
    { title: 'image', value: ({ image }) => image },
    { title: 'now', value: ({ before }) => before, colour: ({ before }) => VERDICT_COLOURS[before] },
    { title: 'with this policy', value: ({ after }) => after, colour: ({ after }) => VERDICT_COLOURS[after] },
    { title: 'rules', value: ({ rules }) => rules.join(', ') },
  ]);

function workText(
  starts: readonly WorkOfPolicy[],
  stops: readonly WorkOfPolicy[],
  listAll: string,
  file: string | undefined,
): string {
  const head = `${counted(starts.length, 'rebuild or deployment', 'rebuilds and deployments')} would start for causes that are open now, and ${stops.length} would not start any more.`;
  const whole =
    file === undefined ? '' : ` To see the whole plan: patchwave plan --policy ${visibleLine(shellWord(file))}`;
  const next = `Verdicts that change become causes in the next review.${whole}`;
  return [
    fitted(head, 2),
    ...(starts.length > 0 ? [`${paint('bold', 'Would start')}\n${cut(starts, workTable, listAll)}`] : []),
    ...(stops.length > 0 ? [`${paint('bold', 'Would not start any more')}\n${cut(stops, workTable, listAll)}`] : []),
    fitted(next, 2),
  ].join('\n');
}

const workTable = (rows: readonly WorkOfPolicy[]): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'work', value: ({ work }) => work },
    { title: 'rules', value: ({ rules }) => rules.join(', ') },
  ]);

function cut<Row>(rows: readonly Row[], render: (rows: readonly Row[]) => string, listAll: string): string {
  const more = rows.length - MOST_ROWS;
  return `${render(rows.slice(0, MOST_ROWS))}${more > 0 ? `\n${paint('dim', `and ${more} more. ${listAll}`)}` : ''}`;
}
