import { mapConcurrently } from '../../shared/concurrency.ts';
import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { currentVerdictAt } from '../../shared/domain/verdict/current-verdict.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { type FailedMessage, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { FleetPlaces } from '../../shared/ports/ledger.ts';
import { type PolicyInForce, policyInForce } from '../../shared/review/policy-in-force.ts';
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
  return [...lost, ...(await answer(ports, [...once.values()]))];
}

const locationOf = ({ request }: AskedVerdict) => parseStreamId(request.stream).location;
const imageOf = (asked: AskedVerdict): string => `${locationKey(locationOf(asked))}@${asked.request.digest}`;

/**
 * A verdict that counts needs no read of a registry, however often it is requested. What cannot be read fails the requests
 * that need it: the batch has requests of several teams, and letters that a second delivery would store again.
 */
async function answer(ports: CheckRequestPorts, asked: readonly AskedVerdict[]): Promise<readonly FailedMessage[]> {
  if (asked.length === 0) return [];
  try {
    const inForce = await policyInForce(ports.policies);
    const failed: FailedMessage[] = [];
    const open = await mapConcurrently(asked, READS_AT_ONCE, async (one) => {
      try {
        return inForce.unreadable || (await isOpen(ports, inForce, one)) ? [one] : [];
      } catch (error) {
        failed.push({ messageId: one.messageId, error });
        return [];
      }
    });
    return [...failed, ...(await handleRefreshes(ports, open.flat()))];
  } catch (error) {
    return asked.map(({ messageId }) => ({ messageId, error }));
  }
}

/** No verdict counts now on one of the images at least. */
async function isOpen(
  { places, fleetPlaces, images, clock }: CheckRequestPorts,
  inForce: PolicyInForce,
  asked: AskedVerdict,
): Promise<boolean> {
  const location = locationOf(asked);
  const digests = await imagesUnder(places, asked.request.digest);
  const records = await images.get(digests);
  const placed = await fleetPlaces.locationsOf(digests.map((digest) => ({ digest, locations: [location] })));
  const waits = (digest: Digest): boolean =>
    currentVerdictAt(records.get(digest), location, placed.get(digest) ?? [], inForce, clock()).waitsFor !== undefined;
  return digests.length === 0 || digests.some(waits);
}
