import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import * as v from '../../../shared/schema.ts';
import { parse } from '../../../shared/schema.ts';
import type { ConformanceCase } from './cases.ts';
import type { ConformanceDoor } from './doors.ts';
import type { Expected } from './situation.ts';

const schema = v.array(
  v.strictObject({
    doors: v.pipe(v.array(v.text()), v.minLength(1)),
    /** Why these doors cannot express the cases. */
    reason: v.text(),
    cases: v.pipe(v.array(v.text()), v.minLength(1)),
  }),
);

/** By door and case: why the door cannot express the case. */
export type NotExpressed = ReadonlyMap<string, string>;

const keyOf = (door: string, id: string): string => `${door} ${id}`;

/** enforcement/cases/not-expressed.yaml. @throws SchemaError naming each place that is wrong */
export function notExpressed(): NotExpressed {
  const path = new URL('../../../enforcement/cases/not-expressed.yaml', import.meta.url);
  const groups = parse(schema, parseYaml(readFileSync(path, 'utf8')), 'enforcement/cases/not-expressed.yaml');
  return new Map(
    groups.flatMap(({ doors, reason, cases }) =>
      doors.flatMap((door) => cases.map((id) => [keyOf(door, id), reason] as const)),
    ),
  );
}

/** What a door makes of a case. */
export interface CaseOutcome {
  readonly door: string;
  readonly id: string;
  readonly subject: string;
  readonly result: 'agrees' | 'differs' | 'not-expressed';
  /** What to change, if something is wrong. */
  readonly problem?: string;
}

/** Puts each case to each door. A door that cannot express a case must be listed with a reason, and only then. */
export async function putToDoors(
  doors: readonly ConformanceDoor[],
  cases: readonly ConformanceCase[],
  listed: NotExpressed,
): Promise<readonly CaseOutcome[]> {
  const outcomes: CaseOutcome[] = [];
  for (const door of doors) for (const one of cases) outcomes.push(await putTo(door, one, listed));
  return outcomes;
}

async function putTo(door: ConformanceDoor, one: ConformanceCase, listed: NotExpressed): Promise<CaseOutcome> {
  const isListed = listed.has(keyOf(door.name, one.id));
  const about = { door: door.name, id: one.id, subject: one.subject };
  if (!door.can(one)) {
    const problem = `${door.name} cannot express ${one.id}. Add it to enforcement/cases/not-expressed.yaml with the reason.`;
    return { ...about, result: 'not-expressed', ...(!isListed && { problem }) };
  }
  const said = await answerOf(door, one);
  const due = textOf(dueAt(door, one));
  if (isListed) {
    const problem = `${door.name} answers ${one.id} as it should. Remove it from enforcement/cases/not-expressed.yaml.`;
    return { ...about, result: 'not-expressed', ...(said === due && { problem }) };
  }
  if (said === due) return { ...about, result: 'agrees' };
  return {
    ...about,
    result: 'differs',
    problem: `${door.name} answers ${said} to ${one.id} (${one.title}); due is ${due}.`,
  };
}

/** What the door answers, or how it fails. */
async function answerOf(door: ConformanceDoor, one: ConformanceCase): Promise<string> {
  try {
    return textOf(await door.decide(one));
  } catch (error) {
    return `the error "${error instanceof Error ? error.message : String(error)}"`;
  }
}

function dueAt(door: ConformanceDoor, one: ConformanceCase): Expected {
  const { decision, rule } = one.expect;
  const cited = door.rule ? door.rule(rule, one) : rule;
  return { decision, ...(cited !== undefined && { rule: cited }) };
}

export const textOf = ({ decision, rule }: Expected): string => (rule === undefined ? decision : `${decision} ${rule}`);

/** How many cases a door really decided. */
export const decidedBy = (door: string, outcomes: readonly CaseOutcome[]): number =>
  outcomes.filter((one) => one.door === door && one.result !== 'not-expressed').length;

/** Doors by subject of the cases: how many each decided, of how many. */
export function matrixText(outcomes: readonly CaseOutcome[]): string {
  const doors = [...new Set(outcomes.map(({ door }) => door))];
  const subjects = [...new Set(outcomes.map(({ subject }) => subject))];
  const cell = (door: string, of: (one: CaseOutcome) => boolean): string => {
    const put = outcomes.filter((one) => one.door === door && of(one));
    return `${put.filter(({ result }) => result !== 'not-expressed').length}/${put.length}`;
  };
  const rows = [
    ['cases', ...doors],
    ...subjects.map((subject) => [subject, ...doors.map((door) => cell(door, (one) => one.subject === subject))]),
    ['all', ...doors.map((door) => cell(door, () => true))],
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
