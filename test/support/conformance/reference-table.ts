import { readFileSync } from 'node:fs';
import * as v from '../../../shared/schema.ts';
import { parse } from '../../../shared/schema.ts';

/*
 * Reads enforcement/reference.json, and looks rows up in it. It knows the form of a table, not what any row means.
 */

const values = v.pipe(v.array(v.text()), v.minLength(1));
const table = v.strictObject({
  about: v.text(),
  /** The values that each input may have. */
  inputs: v.record(v.string(), values),
  outputs: v.record(v.string(), values),
  rows: v.array(
    v.strictObject({ when: v.record(v.string(), v.union([v.text(), values])), answer: v.record(v.string(), v.text()) }),
  ),
});
const document = v.strictObject({ about: v.text(), tables: v.record(v.string(), table) });

export type DecisionTable = v.InferOutput<typeof table>;
type TableRow = DecisionTable['rows'][number];

/** The tables by name. */
export type DecisionTables = Readonly<Record<string, DecisionTable>>;

export const decisionTables: DecisionTables = parse(
  document,
  JSON.parse(readFileSync(new URL('../../../enforcement/reference.json', import.meta.url), 'utf8')),
  'enforcement/reference.json',
).tables;

/** No row, or more than one, fits: the table has a gap or an overlap. */
export class TableError extends Error {
  override readonly name = 'TableError';

  constructor(name: string, inputs: Readonly<Record<string, string>>, fitting: number) {
    super(
      `${fitting} rows of the table ${name} fit ${JSON.stringify(inputs)}. Change the rows so that exactly one does.`,
    );
  }
}

const fits = ({ when }: TableRow, inputs: Readonly<Record<string, string>>): boolean =>
  Object.entries(when).every(([input, allowed]) => [allowed].flat().includes(inputs[input] ?? ''));

/** The numbers of the rows that fit. */
export const rowsFitting = ({ rows }: DecisionTable, inputs: Readonly<Record<string, string>>): readonly number[] =>
  rows.flatMap((row, number) => (fits(row, inputs) ? [number] : []));

/** Every combination of the values of the inputs. */
export const combinations = ({ inputs }: DecisionTable): readonly Readonly<Record<string, string>>[] =>
  Object.entries(inputs).reduce<Readonly<Record<string, string>>[]>(
    (all, [input, allowed]) => all.flatMap((one) => allowed.map((value) => ({ ...one, [input]: value }))),
    [{}],
  );

/** Looks rows up, and counts which rows decided. */
export class ReferenceTables {
  readonly #answers = new Map<string, { readonly key: string; readonly answer: TableRow['answer'] }>();
  /** `<table> <row>` of each row that decided. */
  readonly used = new Set<string>();

  /**
   * What the one row that fits says.
   * @throws TableError if none fits, or several
   */
  answer(name: string, inputs: Readonly<Record<string, string>>): TableRow['answer'] {
    const asked = `${name} ${Object.values(inputs).join(' ')}`;
    const known = this.#answers.get(asked) ?? this.#lookUp(name, inputs);
    this.#answers.set(asked, known);
    this.used.add(known.key);
    return known.answer;
  }

  #lookUp(name: string, inputs: Readonly<Record<string, string>>) {
    const found = decisionTables[name];
    const [number, ...others] = found ? rowsFitting(found, inputs) : [];
    const row = number === undefined ? undefined : found?.rows[number];
    if (!row || others.length > 0) throw new TableError(name, inputs, row ? others.length + 1 : 0);
    return { key: `${name} ${number}`, answer: row.answer };
  }
}

/** `<table> <row>` of every row. */
export const everyRow: readonly string[] = Object.entries(decisionTables).flatMap(([name, { rows }]) =>
  rows.map((_, number) => `${name} ${number}`),
);
