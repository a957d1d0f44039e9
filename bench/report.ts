import { table } from '../scripts/table.ts';

export type Unit = 'calls' | 'ms' | 's' | 'KiB' | 'MiB' | 'USD' | 'x';

/** One figure. With a reference its budget is one of the ratio, without one of the figure itself. */
export interface Row {
  readonly figure: string;
  readonly measured: number;
  readonly unit: Unit;
  /** What the figure is compared with, in the same unit. */
  readonly reference?: number;
  /** The most that is allowed; absent: printed, not judged. */
  readonly budget?: number;
}

/** What one benchmark found. */
export interface BenchReport {
  readonly benchmark: string;
  readonly question: string;
  readonly rows: readonly Row[];
  /** What a reader must know to read the figures right. */
  readonly notes: readonly string[];
}

/** Measured over reference; 1 where both are nothing, infinite where something stands against nothing. */
export function ratioOf({ measured, reference }: Row): number | undefined {
  if (reference === undefined) return undefined;
  if (reference === 0) return measured === 0 ? 1 : Number.POSITIVE_INFINITY;
  return measured / reference;
}

/** Undefined where there is no budget. */
export function isWithinBudget(row: Row): boolean | undefined {
  return row.budget === undefined ? undefined : (ratioOf(row) ?? row.measured) <= row.budget;
}

export const missedRows = ({ rows }: BenchReport): readonly Row[] =>
  rows.filter((row) => isWithinBudget(row) === false);

/** A heading, the aligned figures, and the notes. */
export function reportText({ benchmark, question, rows, notes }: BenchReport): string {
  const head = ['figure', 'measured', '', 'against', 'ratio', 'budget', 'verdict'];
  const body = rows.map((row) => [
    row.figure,
    number(row.measured),
    row.unit,
    row.reference === undefined ? '' : number(row.reference),
    ratio(ratioOf(row)),
    row.budget === undefined ? '' : number(row.budget),
    verdict(isWithinBudget(row)),
  ]);
  const noteLines = notes.map((note) => `- ${note}\n`).join('');
  return `${benchmark}: ${question}\n${table(head, body)}\n${noteLines}`;
}

/** The same for a program: ratios and verdicts are there already computed, and an infinite ratio is `null`. */
export const reportJson = ({ rows, ...report }: BenchReport) => ({
  ...report,
  rows: rows.map((row) => {
    const value = ratioOf(row);
    return {
      ...row,
      ...(value !== undefined && { ratio: Number.isFinite(value) ? value : null }),
      ...(row.budget !== undefined && { withinBudget: isWithinBudget(row) === true }),
    };
  }),
});

const number = (value: number): string => {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(4);
};
const ratio = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(3));
const verdict = (within: boolean | undefined): string => (within === undefined ? '' : within ? 'ok' : 'MISSED');
