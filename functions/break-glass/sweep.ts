import { mapConcurrently } from '../../shared/concurrency.ts';
import { breakGlassIn, isSameBreakGlass } from '../../shared/domain/admission/break-glass.ts';
import { doorPlaceText } from '../../shared/domain/policy/doors.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { OpenBreakGlass } from '../../shared/ports/admission.ts';
import type { BreakGlassPorts } from './ports.ts';

const AT_ONCE = 5;
const READ_MS = 20_000;
const BY = 'Patchwave: its annotation is gone';

/**
 * Ends each break-glass of this Region whose annotation is no longer in the cluster: of its removal no review may have told. One
 * whose cluster cannot be read stays open until its time is over: it was proven once.
 * @returns how many it ended
 */
export async function sweep(ports: BreakGlassPorts, region: string): Promise<number> {
  const { ledger, clock } = ports;
  const open: OpenBreakGlass[] = [];
  for await (const one of ledger.open(clock()))
    if (one.proof !== 'person' && one.place.region === region) open.push(one);
  const ended = await mapConcurrently(open, AT_ONCE, (one) => endIfGone(ports, one));
  return ended.filter(Boolean).length;
}

async function endIfGone({ ledger, namespaces, clock }: BreakGlassPorts, open: OpenBreakGlass): Promise<boolean> {
  const { account, region, cluster, namespace } = open.place;
  if (namespace === undefined) return false;
  const place = { account, region, cluster, namespace };
  try {
    const annotation = await namespaces.breakGlassOf(place, AbortSignal.timeout(READ_MS));
    if (isSameBreakGlass(open, breakGlassIn(annotation))) return false;
    const atEpochMs = clock();
    await ledger.end(place, { uid: `sweep ${atEpochMs}`, user: BY, atEpochMs, proof: 'cluster' });
    logger.warn('break-glass ended: its annotation is gone', place);
    return true;
  } catch (error) {
    logger.warn(`The open namespace ${doorPlaceText(place)} cannot be read from its cluster now`, error as Error);
    return false;
  }
}
