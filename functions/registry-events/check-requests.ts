import { mapConcurrently } from '../../shared/concurrency.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { currentVerdictAt } from '../../shared/domain/verdict/current-verdict.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { type FailedMessage, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { FleetPlaces } from '../../shared/ports/ledger.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import type * as v from '../../shared/schema.ts';
import { checkRequest, type RegistryEventMessage } from './input.ts';
import { handleRefreshes, type RefreshPorts } from './refresh-heads.ts';

export interface CheckRequestPorts extends RefreshPorts {
  readonly requestDeadLetters: DeadLetters;
  readonly fleetPlaces: FleetPlaces;
}

interface AskedVerdict {
  readonly messageId: string;
  readonly request: v.InferOutput<typeof checkRequest>;
}

const READS_AT_ONCE = 10;

/**
 * Answers requests of `patchwave check`. Teams may send to their queue, so a request is no evidence of anything: it makes
 * Patchwave read a repository of the policy, scan an image there once a day, and judge it. Anything else is set aside.
 * @returns messages to deliver again
 */
export async function handleCheckRequests(
  ports: CheckRequestPorts,
  messages: readonly RegistryEventMessage[],
): Promise<readonly FailedMessage[]> {
  const parsed = messages.map((message) => ({ message, ...readBody(message.body, () => checkRequest) }));
  const refused = parsed.flatMap(({ message, problem }) =>
    problem === undefined
      ? []
      : [{ message, problem: `This queue takes only requests of patchwave check. ${problem}` }],
  );
  const lost = await setAside(ports.requestDeadLetters, refused);
  const asked = parsed.flatMap(({ message: { messageId }, value }) => (value ? [{ messageId, request: value }] : []));
  const once = new Map(asked.map((one) => [imageOf(one), one]));
  return [...lost, ...(await handleRefreshes(ports, await unanswered(ports, [...once.values()])))];
}

const locationOf = ({ request }: AskedVerdict) => parseStreamId(request.stream).location;
const imageOf = (asked: AskedVerdict): string => `${locationKey(locationOf(asked))}@${asked.request.digest}`;

/** A verdict that counts needs no read of a registry, however often it is requested. */
async function unanswered(
  { policies, places, fleetPlaces, images, clock }: CheckRequestPorts,
  asked: readonly AskedVerdict[],
): Promise<readonly AskedVerdict[]> {
  if (asked.length === 0) return [];
  const inForce = await policyInForce(policies);
  if (inForce.unreadable) return asked;
  const open = await mapConcurrently(asked, READS_AT_ONCE, async (one) => {
    const location = locationOf(one);
    const digests = await imagesUnder(places, one.request.digest);
    const records = await images.get(digests);
    const placed = await fleetPlaces.locationsOf(digests.map((digest) => ({ digest, locations: [location] })));
    const isOpen = (digest: (typeof digests)[number]): boolean =>
      currentVerdictAt(records.get(digest), location, placed.get(digest) ?? [], inForce, clock()).waitsFor !==
      undefined;
    return digests.length === 0 || digests.some(isOpen) ? [one] : [];
  });
  return open.flat();
}
