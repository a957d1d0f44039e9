import { table as aligned } from '../cli/output.ts';

const NUMBER = /^[\d.,]+( [%s])?$/;

/** Aligns columns; those with numbers or percentages to the right. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  aligned(
    rows,
    head.map((title, column) => ({
      title,
      value: (row: readonly string[]) => row[column] ?? '',
      ...(rows.some((row) => NUMBER.test(row[column] ?? '')) && { align: 'right' as const }),
    })),
  );
