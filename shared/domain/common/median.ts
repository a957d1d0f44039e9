/** The middle value, or the mean of the two in the middle. @throws RangeError of an empty list */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new RangeError('an empty list has no median');
  return (low + high) / 2;
}
