/** `1 cause`, `2 causes`; `plural` is for nouns that do not just take an s. */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : plural}`;
