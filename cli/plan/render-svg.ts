import { counted } from '../../shared/domain/common/counted.ts';
import { visibleText } from '../../shared/domain/common/visible-text.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { answerDetail } from '../acting/answer-text.ts';
import { type Forest, manyText, markOf } from '../lineage/branches.ts';
import type { Mark } from './plan-tree.ts';
import { markNote, markWord } from './render-mark.ts';
import { type Box, layoutOf } from './tree-layout.ts';

/* Pixels. */
const BOX = { width: 270, height: 42 };
const PITCH = { column: 350, row: 54 };
const MARGIN = 24;
const HEAD = 110;
const LEAST_WIDTH = 860;
/** Number of letters that fit into a box. */
const LONGEST = 34;

interface Paint {
  readonly fill: string;
  readonly stroke: string;
}

/** Uses its own white background for light and dark pages; every mark is also a word. */
const PAINTS: Readonly<Record<'rebuild' | 'deploy' | 'waits' | 'refused' | 'in-progress' | 'untouched', Paint>> = {
  rebuild: { fill: '#dbeafe', stroke: '#1d4ed8' },
  deploy: { fill: '#dcfce7', stroke: '#15803d' },
  waits: { fill: '#fef3c7', stroke: '#b45309' },
  refused: { fill: '#fee2e2', stroke: '#b91c1c' },
  'in-progress': { fill: '#ede9fe', stroke: '#6d28d9' },
  untouched: { fill: '#f8fafc', stroke: '#94a3b8' },
};

function paintOf(mark: Mark): Paint {
  if (mark.kind === 'planned') return PAINTS[mark.work.work];
  if (mark.kind === 'held') return PAINTS[mark.held.answer === 'refuse' ? 'refused' : 'waits'];
  return PAINTS[mark.kind];
}

/** The forest as a picture, tiers from left to right. @param summary two lines below the title */
export function treeSvg(forest: Forest, summary: readonly [string, string]): string {
  const { boxes, edges, tiers } = layoutOf(forest);
  const most = (of: (box: Box) => number): number => boxes.reduce((found, box) => Math.max(found, of(box)), 0);
  const width = Math.max(MARGIN * 2 + most(({ column }) => column) * PITCH.column + BOX.width, LEAST_WIDTH);
  const rows = boxes.length === 0 ? 0 : most(({ row }) => row) + 1;
  const height = HEAD + rows * PITCH.row + (forest.leftOut > 0 ? 24 : 0) + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title summary" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">`,
    '<title id="title">Patchwave plan</title>',
    `<desc id="summary">${escaped(summary.join('; '))}</desc>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text({ x: MARGIN, y: 34, size: 18, weight: 600 }, 'Patchwave plan'),
    ...summary.map((line, at) => text({ x: MARGIN, y: 54 + at * 18, fill: '#475569' }, line)),
    ...tiers.map(({ tier, column }) => text({ x: xOf(column), y: 100, fill: '#475569', weight: 600 }, tier)),
    ...edges.map(({ from, to }) => edge(from, to)),
    ...boxes.map(boxSvg),
    ...(forest.leftOut > 0
      ? [
          text(
            { x: MARGIN, y: height - MARGIN, fill: '#475569' },
            `${counted(forest.leftOut, 'stream')} in trees with nothing to do`,
          ),
        ]
      : []),
    '</svg>',
    '',
  ].join('\n');
}

const xOf = (column: number): number => MARGIN + column * PITCH.column;
const yOf = (row: number): number => HEAD + row * PITCH.row;

/** The edge bends before the next column and then stays in its target's row, which holds only boxes of its own tree. */
function edge(from: Box, to: Box): string {
  const [x1, y1] = [xOf(from.column) + BOX.width, yOf(from.row) + BOX.height / 2];
  const [x2, y2] = [xOf(to.column), yOf(to.row) + BOX.height / 2];
  const bent = x1 + PITCH.column - BOX.width;
  const half = (x1 + bent) / 2;
  const isPlanned = markOf(from.branch).kind === 'planned' && markOf(to.branch).kind === 'planned';
  return `<path d="M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${bent} ${y2}H${x2}" fill="none" stroke="${isPlanned ? '#1d4ed8' : '#94a3b8'}" stroke-width="1.5"/>`;
}

function boxSvg(box: Box): string {
  const { branch, column, row } = box;
  const mark = markOf(branch);
  const { fill, stroke } = paintOf(mark);
  const [x, y] = [xOf(column), yOf(row)];
  const isMany = branch.kind === 'many';
  const names = isMany ? branch.streams.map(({ stream }) => stream).join('\n') : branch.stream.stream;
  const notes = notesOf(mark, isMany);
  const why = mark.kind === 'held' && !isMany ? answerDetail(mark.held) : '';
  return [
    '<g>',
    `<title>${escaped([names, ...notes, why].filter((part) => part !== '').join('\n'))}</title>`,
    `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="${fill}" stroke="${stroke}" stroke-width="1.5"${isMany ? ' stroke-dasharray="5 3"' : ''}/>`,
    text({ x: x + 10, y: y + 18, weight: 600 }, isMany ? manyText(branch.streams) : shortName(branch.stream.stream)),
    text({ x: x + 10, y: y + 34, size: 11, fill: '#475569' }, cut(notes.join(' · '), LONGEST + 6)),
    '</g>',
  ].join('');
}

/** The plan of the stream; of a group, the shared one. */
function notesOf(mark: Mark, isMany: boolean): string[] {
  if (mark.kind === 'untouched') return ['nothing to do'];
  if (mark.kind !== 'planned') return [markWord(mark), markNote(mark)];
  if (isMany) return [markWord(mark)];
  const { workloads } = mark.work;
  const reached = workloads.length > 0 ? [counted(workloads.length, 'workload')] : [];
  return [markWord(mark), markNote(mark), ...reached].filter((note) => note !== '');
}

/** Repository and release line; the title has the account. The distinguishing part is at the end. */
function shortName(stream: string): string {
  const { location, name } = parseStreamId(stream);
  const text = `${location.repository}:${name}`;
  return text.length > LONGEST ? `…${text.slice(1 - LONGEST)}` : text;
}

const cut = (line: string, most: number): string => (line.length > most ? `${line.slice(0, most - 1)}…` : line);

interface Style {
  readonly x: number;
  readonly y: number;
  readonly size?: number;
  readonly weight?: number;
  readonly fill?: string;
}

const text = ({ x, y, size = 13, weight = 400, fill = '#0f172a' }: Style, line: string): string =>
  `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${fill}">${escaped(line)}</text>`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Drops characters that XML does not allow: https://www.w3.org/TR/xml/#charsets. */
const escaped = (line: string): string =>
  visibleText(line)
    .replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)
    .replaceAll(/[\uFFFE\uFFFF]/g, '');
