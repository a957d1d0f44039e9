/** `1 cause`, `2 causes`: `what` is the singular of a noun whose plural ends in s. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
