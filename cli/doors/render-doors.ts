import type { ForeseenStart, StartOutcome } from '../../shared/domain/admission/possible-start.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { doorPlaceText } from '../../shared/domain/policy/doors.ts';
import { fitted, paint, relative, type TableColumn, table } from '../output.ts';
import type { DoorsAnswer } from './check-doors.ts';
import { EVERYWHERE, type UnknownStarts } from './read-starts.ts';

/** What the doors of a policy would do: counts, then a table for each outcome that needs a person. */
export function renderDoors({ counts, starts, unknown, notChecked }: DoorsAnswer, nowEpochMs: number): string {
  const of = (outcome: StartOutcome): readonly ForeseenStart[] => starts.filter((start) => start.outcome === outcome);
  const { refused, onlyWarned, inGrace, warned, allowed, notJudged, unnamed } = counts;
  const unnamedText =
    unnamed === 0 ? '' : ` ${counted(unnamed, 'container')} that AWS adds to tasks: no door judges them.`;
  const head = [
    paint(refused > 0 ? 'red' : 'green', `${counted(refused, 'image')} would be refused`),
    `${onlyWarned} would be refused if the door denied`,
    `${inGrace} may start until the grace ends`,
    `${warned} would start with a warning`,
    `${allowed} would start, ${notJudged} where the door is off`,
    ...(unknown.length > 0 ? [paint('yellow', `${counted(unknown.length, 'place')} unknown: see below`)] : []),
  ].join('\n  ');
  return [
    fitted(`${head}${unnamedText === '' ? '' : `\n ${unnamedText}`}`, 4),
    ...section('Refused', of('refused'), refusedTable),
    ...section('Refused if the door denied; its mode is warn', of('only-warned'), refusedTable),
    ...section('Start until their grace ends', soonestFirst(of('in-grace')), (rows) => graceTable(rows, nowEpochMs)),
    ...section('Start with a warning', of('warned'), refusedTable),
    ...section('Unknown', unknown, unknownTable),
    ...section('Not checked', notChecked, (texts) => texts.map((text) => fitted(`  ${text}`, 2)).join('\n')),
  ].join('\n\n');
}

function section<Row>(title: string, rows: readonly Row[], render: (rows: readonly Row[]) => string): string[] {
  return rows.length === 0 ? [] : [`${paint('bold', title)}\n${render(rows)}`];
}

const COLUMNS: readonly TableColumn<ForeseenStart>[] = [
  { title: 'cluster or namespace', value: ({ place }) => doorPlaceText(place) },
  { title: 'workload', value: workloadName },
  { title: 'owner', value: ({ owner = '-' }) => owner },
  { title: 'image', value: shortReference },
];

/** Without its namespace, which the place has. */
function workloadName({ place, workload, workloadKind, sources }: ForeseenStart): string {
  const { namespace } = place;
  const name = namespace !== undefined ? workload.slice(namespace.length + 1) : workload;
  return `${workloadKind} ${name}${sources.includes('running') ? '' : ' (template)'}`;
}

function shortReference({ reference }: Pick<ForeseenStart, 'reference'>): string {
  return reference === undefined ? '(none)' : reference.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]{52}$/, '$1');
}

export const refusedTable = (rows: readonly ForeseenStart[]): string =>
  table(rows, [
    ...COLUMNS,
    { title: 'rule', value: ({ ruleId = '' }) => ruleId },
    { title: 'what to do', value: ({ message = '' }) => message },
  ]);

/** @param nowEpochMs absent, no row says how long it is until then */
export const graceTable = (rows: readonly ForeseenStart[], nowEpochMs?: number): string =>
  table(rows, [
    {
      title: 'grace ends',
      value: ({ graceEndsAtEpochMs: at = 0 }) =>
        `${instant(at)}${nowEpochMs === undefined ? '' : ` (${relative(at, nowEpochMs)})`}`,
      colour: () => 'yellow',
    },
    ...COLUMNS,
    { title: 'rule', value: ({ ruleId = '' }) => ruleId },
    { title: 'what to do', value: ({ message = '' }) => message },
  ]);

const soonestFirst = (rows: readonly ForeseenStart[]): readonly ForeseenStart[] =>
  [...rows].sort(
    (one, other) =>
      (one.graceEndsAtEpochMs ?? 0) - (other.graceEndsAtEpochMs ?? 0) ||
      compareTexts(doorPlaceText(one.place), doorPlaceText(other.place)),
  );

export const unknownTable = (rows: readonly UnknownStarts[]): string =>
  table(rows, [
    { title: 'where', value: ({ place }) => (place === EVERYWHERE ? 'every account' : place) },
    {
      title: 'problem and next step',
      value: ({ problem, next }) => visibleLine(`${problem.replace(/\.?$/, '.')} Next: ${next}`),
    },
  ]);
