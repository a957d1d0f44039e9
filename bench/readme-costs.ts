import { readFile } from 'node:fs/promises';
import { ROOT } from '../scripts/setup.mjs';

/** The costs in README.md, in USD. */
export interface ReadmeCosts {
  readonly steadyDay: number;
  /** With a thirtieth of a first day. */
  readonly changingDay: number;
  readonly planner: number;
  /** For a planner whose every answer depends on images. */
  readonly plannerAtMost: number;
  readonly rebuild: number;
  readonly month: number;
}

const PATTERNS: Readonly<Record<keyof ReadmeCosts, RegExp>> = {
  steadyDay: /costs about ([\d.]+) US cents in requests if nothing is new/,
  changingDay: /nothing is new, and ([\d.]+) if a thirtieth/,
  planner: /costs at most ([\d.]+) cents a day in a fleet that only reports/,
  plannerAtMost: /and at most ([\d.]+) cents a day in a fleet in which Patchwave may act/,
  rebuild: /a rebuild costs ([\d.]+) cents beside its build/,
  month: /cost less than ([\d.]+) dollars a month/,
};

/** README.md lacks a cost in the expected wording. */
export class CostMissingError extends Error {
  override readonly name = 'CostMissingError';
  constructor(name: string) {
    super(
      `README.md does not state the cost ${name} in a form that bench/readme-costs.ts can read. Write it in that form.`,
    );
  }
}

/** @throws CostMissingError */
export function costsIn(readme: string): ReadmeCosts {
  const text = readme.replace(/\s+/g, ' ');
  const read = (name: keyof ReadmeCosts): number => {
    const [, number] = PATTERNS[name].exec(text) ?? [];
    if (number === undefined) throw new CostMissingError(name);
    return Number(number) / (name === 'month' ? 1 : 100);
  };
  return {
    steadyDay: read('steadyDay'),
    changingDay: read('changingDay'),
    planner: read('planner'),
    plannerAtMost: read('plannerAtMost'),
    rebuild: read('rebuild'),
    month: read('month'),
  };
}

/** @throws CostMissingError */
export const readmeCosts = async (): Promise<ReadmeCosts> => costsIn(await readFile(`${ROOT}/README.md`, 'utf8'));
