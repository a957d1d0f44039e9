import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { LineageEvidence, Parents } from '../../shared/domain/lineage/parent.ts';
import { shortDigest, type TableColumn, table } from '../output.ts';
import { type TreeRow, treeRows } from '../plan/tree.ts';

/** All names of an image; one digest may be listed several times. */
export interface NamedImage {
  readonly digest: Digest;
  readonly names: readonly string[];
  readonly platform: string;
}

interface Row {
  readonly title: string;
  readonly platform: string;
  readonly digest: Digest;
  readonly evidence?: LineageEvidence;
}

/** Evidence from content; the other kinds are claims. */
const PROVEN: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids'];

/** The tree is last, so that it stays whole on a narrow terminal. */
const COLUMNS: readonly TableColumn<Row>[] = [
  { title: 'digest', value: ({ digest }) => shortDigest(digest), colour: () => 'dim' },
  { title: 'platform', value: ({ platform }) => platform },
  {
    title: 'evidence',
    value: ({ evidence }) => evidence ?? '-',
    colour: ({ evidence }) => (evidence && !PROVEN.includes(evidence) ? 'yellow' : undefined),
  },
  { title: 'image', value: ({ title }) => title, isWhole: true },
];

/** The lineage tree: each image under its parent. */
export function lineageText(named: readonly NamedImage[], parents: Parents): string {
  const people = Map.groupBy(named, ({ digest }) => digest);
  const images = [...people.values()].map(personOf).sort(byName);
  const children = Map.groupBy(images, ({ digest }) => parents.get(digest)?.digest);
  const drawn = treeRows(children.get(undefined) ?? [], ({ digest }) => children.get(digest) ?? []);
  const rows = Array.from(drawn, (row) => rowOf(row, parents));
  const lineage = images.filter(({ digest }) => parents.has(digest)).length;
  const summary = `${counted(images.length, 'image')}, ${lineage} of them built on another image of the list`;
  return rows.length === 0 ? summary : `${table(rows, COLUMNS)}\n\n${summary}`;
}

type Person = Omit<Row, 'evidence'>;

function personOf(same: readonly NamedImage[]): Person {
  const names = [...new Set(same.flatMap((image) => image.names))];
  const [first = '', ...others] = names.sort((one, other) => one.length - other.length || compareTexts(one, other));
  const { digest, platform } = same[0] as NamedImage;
  return { title: others.length > 0 ? `${first} (+${others.length})` : first, platform, digest };
}

const byName = (one: Person, other: Person): number =>
  compareTexts(one.title, other.title) ||
  compareTexts(one.platform, other.platform) ||
  compareTexts(one.digest, other.digest);

function rowOf({ node, branch }: TreeRow<Person>, parents: Parents): Row {
  const evidence = parents.get(node.digest)?.evidence;
  return { ...node, title: branch + node.title, ...(evidence && { evidence }) };
}
