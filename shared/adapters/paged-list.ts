/** A page of a list of a Kubernetes cluster. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  /** Absent on the last page. */
  readonly token?: string;
  /** The snapshot of the list expired (410 Gone). The token, if there is one, goes on with a later state. */
  readonly isExpired: boolean;
}

/** Where the pages of a list come from. */
export interface PageSource<Item> {
  /** As in rules of RBAC: `pods`. */
  readonly resource: string;
  page(limit: number, token: string | undefined): Promise<ListPage<Item> | 'too-large'>;
  readonly failing: (problem: string) => Error;
  readonly tooLarge: (object: string) => Error;
}

/** How a list was read. */
export interface ListRead {
  /**
   * The list's snapshot expired on the way. The pages after that show a later state, so that an object that replaced
   * another meanwhile may be on no page.
   */
  readonly isTorn: boolean;
}

/** Attempts to go on after a snapshot expired, without a page in between. */
const MOST_EXPIRED = 3;
/** More than any cluster has. Each token is kept, so the number of pages bounds the memory. */
const MOST_PAGES = 20_000;

/**
 * Every object of a list, page by page. The next page is asked for when the caller wants it. A page may be short or
 * empty, so only an absent token ends the list.
 */
export async function* readPages<Item>(
  { resource, page: read, failing, tooLarge }: PageSource<Item>,
  pageSize: number,
): AsyncGenerator<readonly Item[], ListRead> {
  let token: string | undefined;
  let isTorn = false;
  let expired = 0;
  let limit = pageSize;
  let isOver = false;
  const tokens = new Set<string>();
  do {
    const page = await read(limit, token);
    if (page === 'too-large') {
      if (limit === 1) throw tooLarge(`an object of its list of ${resource}`);
      limit = Math.ceil(limit / 4);
      continue;
    }
    if (page.isExpired) {
      expired += 1;
      isTorn = true;
      if (page.token === undefined || expired > MOST_EXPIRED)
        throw failing(`its list of ${resource} expired before it was read (410 Gone)`);
    } else {
      expired = 0;
      yield page.items;
      // Each token names the last object of its page, so a list with one token twice never ends.
      if (page.token !== undefined && tokens.has(page.token)) throw failing(`its list of ${resource} repeats a page`);
      if (page.token !== undefined) tokens.add(page.token);
      if (tokens.size >= MOST_PAGES) throw failing(`its list of ${resource} has more than ${MOST_PAGES} pages`);
    }
    token = page.token;
    isOver = token === undefined;
  } while (!isOver);
  return { isTorn };
}
