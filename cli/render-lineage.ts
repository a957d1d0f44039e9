import type { Digest } from '../shared/domain/image.ts';
import type { LineageEvidence, Parents } from '../shared/domain/lineage-evidence.ts';
import { compareTexts } from '../shared/domain/order.ts';
import { type Column, counted, shortDigest, table } from './output.ts';

/** An image by all its names; one digest may be told of several times. */
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

/** Content proves these; the others are somebody's word. */
const PROVEN: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids'];

const COLUMNS: readonly Column<Row>[] = [
  { title: 'image', value: ({ title }) => title },
  { title: 'platform', value: ({ platform }) => platform },
  { title: 'digest', value: ({ digest }) => shortDigest(digest), colour: () => 'dim' },
  {
    title: 'by',
    value: ({ evidence }) => evidence ?? '',
    colour: ({ evidence }) => (evidence && !PROVEN.includes(evidence) ? 'yellow' : undefined),
  },
];

/** The family tree: each image under the one that it stands on. */
export function lineageText(named: readonly NamedImage[], parents: Parents): string {
  const people = Map.groupBy(named, ({ digest }) => digest);
  const images = [...people.values()].map(personOf).sort(byName);
  const children = Map.groupBy(images, ({ digest }) => parents.get(digest)?.digest);
  const rows = treeRows(children, parents);
  const standing = images.filter(({ digest }) => parents.has(digest)).length;
  const summary = `${counted(images.length, 'image')}, ${standing} of them on another one of the list`;
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

/** Without recursion: a chain of images may be longer than the stack is deep. */
function treeRows(children: ReadonlyMap<Digest | undefined, readonly Person[]>, parents: Parents): readonly Row[] {
  const rows: Row[] = [];
  const open = (children.get(undefined) ?? []).map((person) => ({ person, branch: '', below: '' })).reverse();
  for (let next = open.pop(); next; next = open.pop()) {
    const { person, branch, below } = next;
    const evidence = parents.get(person.digest)?.evidence;
    rows.push({ ...person, title: branch + person.title, ...(evidence && { evidence }) });
    const above = (children.get(person.digest) ?? []).toReversed();
    for (const [fromLast, child] of above.entries()) {
      const isLast = fromLast === 0;
      open.push({
        person: child,
        branch: `${below}${isLast ? '└─ ' : '├─ '}`,
        below: `${below}${isLast ? '   ' : '│  '}`,
      });
    }
  }
  return rows;
}
