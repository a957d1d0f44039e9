import { paint, shortDigest } from '../../cli/output.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { isAsItShouldBe } from './door-sentences.ts';
import type { Names } from './names.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';
import { listOf } from './story.ts';
import { imageName } from './story-found.ts';

/** Lines of the result at most. */
export const SUMMARY_LINES = 12;
const LABEL = 9;
/** A text continues two columns behind its begin. */
const INDENT = LABEL + 6;
const MOST_FAULTS = 2;

interface Row {
  readonly label: string;
  readonly text: string;
}

/** A line of the result: its text, and the column in which it continues. */
export interface SummaryLine {
  readonly text: string;
  readonly indent: number;
}

export interface Summary {
  readonly lines: readonly SummaryLine[];
  /** Reasons that the result has no room for: the demo prints each before it. */
  readonly others: readonly string[];
}

interface SummaryOptions {
  /** Shows more of this run. */
  readonly command: string;
  /** Where the reasons are that the result has no room for. */
  readonly rest: string;
  /** How many lines a text takes on the screen. */
  readonly linesOf: (line: SummaryLine) => number;
}

/**
 * The end of the demo: what was at fault, what was rebuilt, what is still at risk and why, and how to look further.
 */
export function summaryOf(result: DemoResult, names: Names, { command, rest, linesOf }: SummaryOptions): Summary {
  const lineOf = ({ label, text }: Row): SummaryLine => ({
    text: `  ${paint(COLOURS[label] ?? 'dim', label.padEnd(LABEL))}  ${text}`,
    indent: INDENT,
  });
  const height = (rows: readonly Row[]): number => rows.reduce((sum, row) => sum + linesOf(lineOf(row)), 0);
  const heading = { text: paint('bold', headingOf(result)), indent: 2 };
  const [faults, rebuilt, risks] = [faultRows(result, names), rebuiltRows(result, names), riskRows(result, names)];
  const end = [...failureRows(result), { label: 'see more', text: command }];
  const room = SUMMARY_LINES - linesOf(heading) - height(faults) - height(end);
  // At least half of the room is for what is at risk, if it is needed.
  const shownRebuilt = cut(
    rebuilt,
    Math.max(room - height(risks), Math.floor(room / 2)),
    { label: 'rebuilt', rest: 'see `--verbose`' },
    height,
  );
  const shownRisks = cut(risks, room - height(shownRebuilt), { label: 'at risk', rest }, height);
  const rows = labelled([...faults, ...shownRebuilt, ...shownRisks, ...end]);
  const shown = new Set(shownRisks.map(({ text }) => text));
  const others = risks.map(({ text }) => text).filter((text) => !shown.has(text));
  return { lines: [heading, ...rows.map(lineOf)], others };
}

const COLOURS: Readonly<Record<string, 'red' | 'green' | 'yellow'>> = {
  'at fault': 'red',
  rebuilt: 'green',
  'at risk': 'yellow',
  failed: 'red',
};

/** The first rows that fit into a number of lines; the last one counts the others. */
function cut(
  rows: readonly Row[],
  room: number,
  { label, rest }: { readonly label: string; readonly rest: string },
  height: (rows: readonly Row[]) => number,
): Row[] {
  if (height(rows) <= room) return [...rows];
  let kept = rows.length;
  const shortened = (): Row[] => [...rows.slice(0, kept), { label, text: `and ${rows.length - kept} more: ${rest}` }];
  while (kept > 0 && height(shortened()) > room) kept -= 1;
  return shortened();
}

/** Each label once, at its first row. */
const labelled = (rows: readonly Row[]): Row[] =>
  rows.map((row, at) => (rows[at - 1]?.label === row.label ? { ...row, label: '' } : row));

function headingOf({ found, atRisk }: DemoResult): string {
  const risk = atRisk.length;
  const good = found - risk;
  if (risk === 0)
    return `Result: ${found === 1 ? 'the one image in use is' : `all ${found} images in use are`} in order`;
  return `Result: ${good} of ${counted(found, 'image')} in use ${good === 1 ? 'is' : 'are'} in order, ${risk} ${risk === 1 ? 'is' : 'are'} still at risk`;
}

/** Where the plans began; where nothing was planned, where a plan would begin. */
function faultRows({ act }: DemoResult, names: Names): Row[] {
  const planned = [...act.cascades.flatMap(({ nodes }) => nodes), ...act.wouldDo];
  const roots = planned.filter(({ atFault }) => atFault);
  const groups = Map.groupBy(roots, ({ facts }) => firstOf(facts));
  const rows = [...groups].map(([fact, members]) => ({
    label: 'at fault',
    text: `${listOf([...new Set(members.map(({ stream }) => names.stream(stream)))])}: ${fact}`,
  }));
  if (rows.length === 0) return [{ label: 'at fault', text: 'nothing that a rebuild by Patchwave would fix' }];
  const left = rows.length - MOST_FAULTS;
  return left > 0 ? [...rows.slice(0, MOST_FAULTS - 1), { label: 'at fault', text: `and ${left + 1} more` }] : rows;
}

const firstOf = ([fact = '', ...others]: readonly string[]): string =>
  others.length > 0 ? `${fact} and ${others.length} more` : fact;

/** The new images that are fixed, each by its digest before and after. */
function rebuiltRows({ act }: DemoResult, names: Names): Row[] {
  const rows = act.streams.filter(isRebuilt).map((stream) => ({ stream, name: names.stream(stream.stream) }));
  const width = rows.reduce((most, { name }) => Math.max(most, name.length), 0);
  if (rows.length > 0)
    return rows.map(({ name, stream: { before = 'none', after = 'none' } }) => ({
      label: 'rebuilt',
      text: `${name.padEnd(width)}  ${shortDigest(before)} -> ${shortDigest(after)}`,
    }));
  return [{ label: 'rebuilt', text: `nothing${wouldText(act, names)}` }];
}

const isRebuilt = ({ state, before, after }: ActResult['streams'][number]): boolean =>
  (state === 'patched' || state === 'open') && after !== undefined && after !== before;

function wouldText({ wouldDo }: ActResult, names: Names): string {
  if (wouldDo.length === 0) return '';
  return `; with \`mode: enforce\` it would begin with ${listOf(wouldDo.filter(({ wave }) => wave === 0).map(({ stream }) => names.stream(stream)))}`;
}

/** Images with the same reason are one row; and what no review could prove. */
function riskRows({ atRisk, images, act }: DemoResult, names: Names): Row[] {
  const byDigest = new Map(images.map((image) => [image.digest, image]));
  const outcomeOf = (digest: string) => byDigest.get(digest)?.outcome;
  const groups = Map.groupBy(atRisk, ({ digest, what, why }) =>
    outcomeOf(digest) === 'unknown' ? `unknown, ${what}` : `${what}; ${why}`,
  );
  const rows = [...groups].map(([text, members]) => {
    const named = members.flatMap(({ digest }) => byDigest.get(digest) ?? []).map((image) => imageName(image, names));
    return { label: 'at risk', text: `${listOf([...new Set(named)].sort(), 3)}: ${text}` };
  });
  const open = act.streams.filter(({ state }) => state === 'open').map(({ stream }) => names.stream(stream));
  const unproven =
    open.length > 0 ? [{ label: 'at risk', text: `${listOf(open, 2)}: fixed; images without the fix still run` }] : [];
  return rows.length + open.length > 0 ? [...rows, ...unproven] : [{ label: 'at risk', text: 'nothing' }];
}

function failureRows({ execution, act, doors }: DemoResult): Row[] {
  const { status, error = '' } = execution;
  const ended = status === 'SUCCEEDED' ? [] : [`the last review ended as ${status} ${error}`.trimEnd()];
  const gaveUp = act.gaveUp.length > 0 ? ['the demo gave up waiting; the story says why'] : [];
  const wrong = doors.every(isAsItShouldBe) ? [] : ['a door let an old image start, or refused a new one; see above'];
  return [...ended, ...gaveUp, ...wrong].map((text) => ({ label: 'failed', text }));
}
