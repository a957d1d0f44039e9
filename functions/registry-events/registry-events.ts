import { mapConcurrently } from '../../shared/concurrency.ts';
import { type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import { isProtectingTag } from '../../shared/domain/retention/protecting-tag.ts';
import { streamRulesOf } from '../../shared/domain/stream/stream.ts';
import { ecrImageAction, type ImageAction } from '../../shared/events/ecr-image-action.ts';
import { ecrPullThroughCacheAction } from '../../shared/events/ecr-pull-through-cache-action.ts';
import { ecrReplicationAction } from '../../shared/events/ecr-replication-action.ts';
import { isOwnMessage, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { RefreshRequest } from '../../shared/ports/messages.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import type * as v from '../../shared/schema.ts';
import { type RegistryEventMessage, refreshRequest } from './input.ts';
import { type PushPorts, recordHistory, recordPushes } from './record-pushes.ts';
import { type FailedRefresh, handleRefreshes, type RefreshPorts } from './refresh-heads.ts';

const REPOSITORIES_AT_ONCE = 4;

export interface RegistryEventPorts extends RefreshPorts, PushPorts {
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly deadLetters: DeadLetters;
}

/** Result of a batch of messages; `failed` ones are delivered again. */
export interface HandledMessages {
  readonly recorded: number;
  /** Number of refresh requests. */
  readonly refreshes: number;
  /** Pushes to repositories without a policy rule. */
  readonly withoutRule: number;
  /** Deletions, and actions that failed. */
  readonly ignored: number;
  /** Permanently invalid messages, kept for a person with the reason. */
  readonly setAside: number;
  readonly failed: readonly FailedRefresh[];
  /** Why no head moved: the policy in force is unreadable. */
  readonly withoutPolicy?: string;
}

interface RegistryPush {
  readonly messageId: string;
  readonly action: ImageAction;
}

/**
 * Records all pushes of one repository together, then refreshes it. A failure stops no other repository. While the
 * policy in force is unreadable, the push history is recorded and no head moves. Once a policy is readable, the planner
 * requests a refresh (`lateHeads`).
 */
export async function handleMessages(
  ports: RegistryEventPorts,
  messages: readonly RegistryEventMessage[],
): Promise<HandledMessages> {
  const parsed = messages.map((message) => ({ message, ...readBody(message.body, schemaOf) }));
  const unreadable = parsed.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const received = parsed.flatMap(({ message: { messageId }, value }) =>
    value && !('kind' in value) ? [{ messageId, action: value }] : [],
  );
  const lost = await setAside(ports.deadLetters, unreadable);
  // The push of a protecting tag is no build.
  const pushes = received.filter(({ action }) => action.isPush && !isProtectingTag(action.tag ?? ''));
  const { ours, failed, withoutPolicy } = await record(ports, pushes);
  const refreshes = parsed.flatMap(({ message: { messageId }, value }) =>
    value && 'kind' in value ? [{ messageId, request: value }] : [],
  );
  const unseen = await handleRefreshes(ports, refreshes);
  return {
    recorded: ours - failed.length,
    refreshes: refreshes.length,
    withoutRule: pushes.length - ours,
    ignored: received.length - pushes.length,
    setAside: unreadable.length - lost.length,
    failed: [...lost, ...failed, ...unseen],
    ...(withoutPolicy !== undefined && { withoutPolicy }),
  };
}

/** Events that bring an image into a repository. */
const ARRIVALS = [ecrImageAction, ecrReplicationAction, ecrPullThroughCacheAction] as const;

function schemaOf(json: unknown): v.GenericSchema<unknown, RefreshRequest | ImageAction> {
  if (isOwnMessage(json)) return refreshRequest;
  const said = json instanceof Object && 'detail-type' in json ? json['detail-type'] : undefined;
  // An unknown event is refused as the most common type, with the problem.
  return (ARRIVALS.find(({ detailType }) => detailType === said) ?? ecrImageAction).schema;
}

async function record(ports: RegistryEventPorts, pushes: readonly RegistryPush[]): Promise<RecordedPushes> {
  if (pushes.length === 0) return { ours: 0, failed: [] };
  const { policy, unreadable } = await policyInForce(ports.policies);
  // Without a policy it is unknown which repositories are ours.
  const ours = unreadable
    ? pushes
    : pushes.filter(({ action: { location } }) => streamRulesOf(policy, location).length > 0);
  const repositories = Map.groupBy(ours, ({ action: { location } }) => locationKey(location));
  const failed = await mapConcurrently([...repositories.values()], REPOSITORIES_AT_ONCE, (together) =>
    recordTogether(together, (location, actions) =>
      unreadable ? recordLate(ports, location, actions) : recordPushes(ports, policy, location, actions),
    ),
  );
  return { ours: ours.length, failed: failed.flat(), ...(unreadable && { withoutPolicy: unreadable.message }) };
}

/** The history is written first, so that the refresh sees it. */
async function recordLate(
  ports: RegistryEventPorts,
  location: ImageLocation,
  actions: readonly ImageAction[],
): Promise<void> {
  await recordHistory(ports, location, actions);
  await ports.lateHeads.add({ location, atEpochMs: ports.clock() });
}

interface RecordedPushes extends Pick<HandledMessages, 'failed' | 'withoutPolicy'> {
  readonly ours: number;
}

async function recordTogether(
  together: readonly RegistryPush[],
  write: (location: ImageLocation, actions: readonly ImageAction[]) => Promise<void>,
): Promise<readonly FailedRefresh[]> {
  const [first] = together;
  if (!first) return [];
  try {
    const actions = together.map(({ action }) => action);
    await write(first.action.location, actions);
    return [];
  } catch (error) {
    return together.map(({ messageId }) => ({ messageId, error }));
  }
}
