/** `1 cause`, `2 causes`; `plural` is for nouns that do not just take an s. */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : plural}`;

/** `1 failure`, `2 failures in a row`. */
export const countedInARow = (count: number, singular: string): string =>
  count === 1 ? counted(count, singular) : `${counted(count, singular)} in a row`;
