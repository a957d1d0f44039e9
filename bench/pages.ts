/** What ECR gives in one page of a listing (Amazon ECR API reference). */
export const ROWS_A_PAGE = 1000;

/** Calls for so many items, none for none. */
export const callsFor = (items: number, size: number): number => Math.ceil(items / size);

/** Calls of a listing: that there is nothing takes one to be known. */
export const listPages = (items: number, size: number): number => Math.max(1, callsFor(items, size));
