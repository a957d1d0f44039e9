/*
 * What each door owes an image, by hand: the first line that fits decides. `*` is anything. It imports nothing.
 */

/** reference, where it ran, how it began there, what speaks against it, since when: the decision. */
export const STANDING_TABLE = [
  ['tag', '*', '*', '*', '*', 'deny'],
  ['digest', '*', '*', 'nothing', '*', 'allow'],
  ['digest', 'never', '*', '*', '*', 'deny'],
  ['digest', 'ran 20 days ago', '*', '*', '*', 'deny'],
  ['digest', '*', 'by break-glass', '*', '*', 'deny'],
  ['digest', '*', 'under warn', '*', '*', 'deny'],
  ['digest', '*', '*', '*', '15 days ago', 'deny'],
  ['digest', '*', 'in good standing', 'fact', 'a day ago', 'warn'],
  ['digest', '*', 'in good standing', 'doubt', 'a day ago', 'warn'],
  ['digest', '*', 'in good standing', 'new rule', 'a day ago', 'warn'],
] as const;

/** Scan states with which a result of an hour ago counts; with every other one it is in doubt. */
export const SCANS_WITH_RESULT = [
  ['complete', '*'],
  ['continuous', '*'],
  ['stale', '*'],
  ['requested', '*'],
  ['off', 'quota-or-scanned'],
  ['off', 'enhanced'],
] as const;
