import type { VerdictStatus } from '../shared/domain/verdict/verdict.ts';
import { EXIT } from './errors.ts';
import type { Colour } from './output.ts';

/** The exit code of a command that answers with a verdict. */
export const VERDICT_EXITS: Readonly<Record<VerdictStatus, number>> = {
  compliant: EXIT.done,
  violating: EXIT.violating,
  unknown: EXIT.unknown,
};

export const VERDICT_COLOURS: Readonly<Record<VerdictStatus, Colour>> = {
  compliant: 'green',
  violating: 'red',
  unknown: 'yellow',
};
