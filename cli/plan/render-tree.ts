import { counted } from '../../shared/domain/common/counted.ts';
import { type Branch, type Forest, manyText, markOf } from '../lineage/branches.ts';
import { type TableColumn, table } from '../output.ts';
import { markColour, markNote, markWord } from './render-mark.ts';
import { type TreeRow, treeRows } from './tree.ts';

type Row = TreeRow<Branch>;

/** The streams, each under its parent, with its plan. */
export function treeText({ branches, leftOut }: Forest): string {
  const rows = [...treeRows(branches, ({ children }) => children)];
  if (rows.length + leftOut === 0) return 'No stream is known yet. Start a review: patchwave review';
  const left = `${counted(leftOut, 'stream')} in trees with nothing to do; --all shows them`;
  const columns = rows.some((row) => noteOf(row) !== '') ? [...COLUMNS, NOTE] : COLUMNS;
  return [...(rows.length > 0 ? [table(rows, columns)] : []), ...(leftOut > 0 ? [left] : [])].join('\n');
}

/** Short columns come first, so that a narrow terminal wraps after the tree. */
const COLUMNS: readonly TableColumn<Row>[] = [
  {
    title: 'plan',
    value: ({ node }) => (node.kind === 'again' ? '' : markWord(markOf(node))),
    colour: ({ node }) => markColour(markOf(node)),
  },
  { title: 'stream', value: ({ node, branch }) => branch + nameOf(node) },
];

const noteOf = ({ node }: Row): string => (isOwnNote(node) ? markNote(markOf(node)) : '');

const NOTE: TableColumn<Row> = { title: 'note', value: noteOf };

/** Streams of a group share a reason but not a duration. */
const isOwnNote = (branch: Branch): boolean =>
  branch.kind === 'stream' || (branch.kind === 'many' && markOf(branch).kind === 'held');

function nameOf(branch: Branch): string {
  if (branch.kind === 'many') return manyText(branch.streams);
  return branch.kind === 'again' ? `${branch.stream.stream} (see above)` : branch.stream.stream;
}
