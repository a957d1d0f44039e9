/** What an installation in the embedded cloud has done, read back. */

import { canonicalLedger } from '../../cli/ledger/canonical.ts';
import type { Installation } from '../../local/installation.ts';
import { collect } from '../../shared/concurrency.ts';
import type { ReviewRecord, RunPart } from '../../shared/domain/review/run.ts';

export type DumpedItem = Readonly<Record<string, unknown>>;

export const itemsOf = ({ context }: Installation): Promise<DumpedItem[]> => collect(context.dump());

/** The ledger in the form that two runs of one fleet share. */
export const ledgerOf = async (installation: Installation): Promise<string> =>
  canonicalLedger(await itemsOf(installation));

const isOfRun = ({ PK }: DumpedItem): boolean => String(PK).startsWith('RUN#');

/** The ledger without runs, and without which of them asked for a scan: what two reviews of one fleet share. */
export const factsOf = async (installation: Installation): Promise<string> => propertiesIn(await itemsOf(installation));

/** The same of items that were read. */
export const propertiesIn = (items: readonly DumpedItem[]): string =>
  canonicalLedger(items.filter((item) => !isOfRun(item)).map(({ scanAskedBy: _, ...facts }) => facts));

/** The lines that only one of two canonical ledgers has; they are too long for a textual difference to be read. */
export function differences(one: string, other: string): readonly string[] {
  const [lines, others] = [one.split('\n'), other.split('\n')];
  return [
    ...lines.filter((line) => !others.includes(line)).map((line) => `- ${line}`),
    ...others.filter((line) => !lines.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** The review that ended last, with its parts. */
export async function lastReview({ context }: Installation): Promise<ReviewRecord & { readonly parts: RunPart[] }> {
  const { ended } = await context.runs.latest();
  if (!ended) throw new Error('no review has ended');
  return { ...ended, parts: await collect(context.runs.parts(ended.runId)) };
}

/** Calls of roles since the counts were cleared, by operation. */
export async function callsOf({ cloud }: Installation): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  for (const { service, operation, principal, count } of await cloud.admin.calls()) {
    if (principal === 'root' || principal === 'user' || principal === 'anonymous') continue;
    const name = `${service}:${operation}`;
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return sums;
}

/** The configuration of SDK clients for the hub's own account and Region. */
export const hubOf = ({ cloud, fleet }: Pick<Installation, 'cloud' | 'fleet'>) =>
  cloud.clients(fleet.hub.account, fleet.hub.region);
