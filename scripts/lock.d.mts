export function withLock<Result>(folder: string, task: () => Result, onWait: (owner: string) => void): Result;
