/** Order by code units, the same on every machine; a locale's would differ. */
export const compareTexts = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/** Orders entries by their keys, as `compareTexts` does. */
export const byKey = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  compareTexts(one, other);
