import { paint, shortDigest } from '../../cli/output.ts';
import type { DoorRow } from './door-attempts.ts';

/** Whether a door did what the policy says: the old image is refused, and the one that was built in its place starts. */
export const isAsItShouldBe = ({ which, started }: DoorRow): boolean => started === (which === 'rebuilt');

/** What the doors answered, in the order of the attempts. What they let start is one sentence for each image. */
export function doorSentences(rows: readonly DoorRow[]): string[] {
  const good = rows.filter(isAsItShouldBe);
  const refused = good.filter(({ started }) => !started);
  const started = Map.groupBy(
    good.filter((row) => row.started),
    ({ repository, image }) => `${repository} start: ${shortDigest(image)}`,
  );
  return [
    ...refused.map((row, n) => refusal(row, refused[n - 1])),
    ...[...started].map(([what, members]) => `${letBy(new Set(members.map(nameOf)))} the rebuilt ${what}`),
    ...rows.filter((row) => !isAsItShouldBe(row)).map(wrong),
  ];
}

function refusal(row: DoorRow, before: DoorRow | undefined): string {
  const isFirst = before?.repository !== row.repository;
  const what = isFirst ? `the old ${row.repository}` : 'it';
  const when = row.door === 'eks' ? '' : ', before its first task';
  const why = briefly(row.message);
  const reason = !isFirst && why === briefly(before?.message) ? ': same reason' : `: ${why}`;
  return `The ${nameOf(row)} door refuses ${what} in ${shortPlace(row)}${when}${reason}`;
}

const letBy = (doors: ReadonlySet<string>): string =>
  doors.size > 1 ? 'Both doors let' : `The ${[...doors].join()} door lets`;

const nameOf = ({ door }: DoorRow): string => door.toUpperCase();

/** Without account and Region. */
const shortPlace = ({ place }: DoorRow): string => place.split('/').slice(2).join('/');

function wrong(row: DoorRow): string {
  const { which, repository, message } = row;
  const text = `the ${which} ${repository} in ${shortPlace(row)}`;
  return row.started
    ? `The ${nameOf(row)} door ${paint('red', 'does not refuse')} ${text}`
    : `The ${nameOf(row)} door ${paint('red', 'refuses')} ${text}: ${briefly(message)}`;
}

/** What a door says of an image: without the field and the reference before it, and the next step behind it. */
const briefly = (message = 'no reason given'): string =>
  /sha256:[0-9a-f]{12}(?![0-9a-f]).* may not start: .*?(?=\. Deploy )/.exec(message)?.[0] ?? message;
