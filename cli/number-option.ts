import { UsageError } from './errors.ts';

interface Range {
  readonly from: number;
  readonly to: number;
  /** What the number counts, such as ` of minutes`. */
  readonly of?: string;
  readonly isWhole?: true;
}

const DECIMAL = /^\d{1,9}(\.\d{1,9})?$/;
const WHOLE = /^\d{1,9}$/;

/**
 * The decimal number that an option gives; `Number` would also take `0x10`, `1e3` and blanks.
 * @throws UsageError
 */
export function numberOption(
  option: string,
  value: string | boolean | undefined,
  { from, to, of = '', isWhole }: Range,
): number {
  const number = typeof value === 'string' && (isWhole ? WHOLE : DECIMAL).test(value) ? Number(value) : undefined;
  if (number === undefined || number < from || number > to)
    throw new UsageError(
      `--${option} is "${value}"; give a ${isWhole ? 'whole ' : ''}number${of} from ${from} to ${to}.`,
    );
  return number;
}
