import { breakGlassIn, isSameBreakGlass } from '../../shared/domain/admission/break-glass.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { doorPlaceText } from '../../shared/domain/policy/doors.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { BreakGlassCheck } from '../../shared/ports/messages.ts';
import type { BreakGlassOutcome, BreakGlassPorts } from './ports.ts';

/**
 * The API server stores a namespace after its review, within the 30 seconds of a request at most. So what is not there at
 * the first look may be there at the next: five polls are spread over more than a minute.
 */
const POLLS_FOR_IT = 5;
/** A cluster that cannot be read is asked for about ten minutes. */
const POLLS_AT_ALL = 8;
const READ_MS = 20_000;

/**
 * Looks into the cluster itself whether what a review asked for is true, and records that. A review proves nothing: anybody with the
 * path of the cluster can send one. An end that cannot be looked up ends the break-glass: closing is the safe side.
 * @param polls how often it was looked, this time included
 */
export async function checkBreakGlass(
  ports: BreakGlassPorts,
  request: BreakGlassCheck,
  polls: number,
): Promise<BreakGlassOutcome> {
  const { place, kind } = request;
  if (kind === 'begin' && request.breakGlass.expiresAtEpochMs <= ports.clock()) return 'none';
  let annotation: string | undefined;
  try {
    annotation = await ports.namespaces.breakGlassOf(place, AbortSignal.timeout(READ_MS));
  } catch (error) {
    if (polls < POLLS_AT_ALL) {
      logger.warn(`The namespace ${doorPlaceText(place)} cannot be read from its cluster now`, error as Error);
      return 'again';
    }
    if (kind === 'end') return end(ports, request, 'its cluster cannot be read');
    return unproven(request, `its cluster cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (kind === 'end') {
    if (breakGlassIn(annotation) === undefined) return end(ports, request, 'its annotation is gone');
    if (polls < POLLS_FOR_IT) return 'again';
    logger.warn('A review said that a break-glass ends, and its annotation is still there: it stays open', place);
    return 'none';
  }
  if (!isSameBreakGlass(request.breakGlass, breakGlassIn(annotation))) {
    if (polls < POLLS_FOR_IT) return 'again';
    return unproven(request, 'the namespace does not have the annotation that the review had');
  }
  return begin(ports, request);
}

async function begin(
  { ledger, clock }: BreakGlassPorts,
  { place, breakGlass, uid, user }: Extract<BreakGlassCheck, { kind: 'begin' }>,
): Promise<BreakGlassOutcome> {
  const counts = await ledger.begin(place, breakGlass, { uid, user, atEpochMs: clock(), proof: 'cluster' });
  if (!counts) {
    logger.warn('A person closed this break-glass, so its annotation opens nothing: remove the annotation', place);
    return 'none';
  }
  logger.warn('break-glass begun', { ...place, by: visibleLine(user) });
  return 'begun';
}

async function end(
  { ledger, clock }: BreakGlassPorts,
  { place, uid, user }: BreakGlassCheck,
  why: string,
): Promise<BreakGlassOutcome> {
  await ledger.end(place, { uid, user, atEpochMs: clock(), proof: 'cluster' });
  logger.warn(`break-glass ended: ${why}`, { ...place, by: visibleLine(user) });
  return 'ended';
}

function unproven({ place, user }: BreakGlassCheck, why: string): BreakGlassOutcome {
  logger.error(
    `A review asked to open the namespace ${doorPlaceText(place)}, and nothing proves it, so it stays closed: ${why}. A person with rights on the ledger can open it: patchwave doors open ${doorPlaceText(place)} --for 1h --reason TEXT`,
    { ...place, by: visibleLine(user) },
  );
  return 'unproven';
}
