/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Clock = () => number;

/** A fresh id that sorts by creation time. */
export type IdGenerator = () => string;
