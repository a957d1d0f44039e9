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

/** What became of the messages of a batch; `failed` are delivered again. */
export interface HandledMessages {
  readonly recorded: number;
  /** Times that somebody asked what a repository holds. */
  readonly refreshes: number;
  /** Pushes to repositories that no rule of the policy names. */
  readonly withoutRule: number;
  /** Deletions, and what did not succeed. */
  readonly ignored: number;
  /** Never to be understood: kept for a person, with the reason. */
  readonly setAside: number;
  readonly failed: readonly FailedRefresh[];
  /** Why no head was moved: the policy in force cannot be read. */
  readonly withoutPolicy?: string;
}

interface RegistryPush {
  readonly messageId: string;
  readonly action: ImageAction;
}

/**
 * Pushes of one repository are written down together, and then it is looked at. One that fails stops no other. While the
 * policy in force cannot be read the history of every push is written, and no head moves: the planner has the repository looked at
 * once it has a policy (`lateHeads`).
 */
export async function handleMessages(
  ports: RegistryEventPorts,
  messages: readonly RegistryEventMessage[],
): Promise<HandledMessages> {
  const parsed = messages.map((message) => ({ message, ...readBody(message.body, schemaOf) }));
  const unreadable = parsed.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const told = parsed.flatMap(({ message: { messageId }, value }) =>
    value && !('kind' in value) ? [{ messageId, action: value }] : [],
  );
  const lost = await setAside(ports.deadLetters, unreadable);
  // The push of a tag that only keeps an image is nobody's build.
  const pushes = told.filter(({ action }) => action.isPush && !isProtectingTag(action.tag ?? ''));
  const { ours, failed, withoutPolicy } = await record(ports, pushes);
  const refreshes = parsed.flatMap(({ message: { messageId }, value }) =>
    value && 'kind' in value ? [{ messageId, request: value }] : [],
  );
  const unseen = await handleRefreshes(ports, refreshes);
  return {
    recorded: ours - failed.length,
    refreshes: refreshes.length,
    withoutRule: pushes.length - ours,
    ignored: told.length - pushes.length,
    setAside: unreadable.length - lost.length,
    failed: [...lost, ...failed, ...unseen],
    ...(withoutPolicy !== undefined && { withoutPolicy }),
  };
}

/** Events by which an image comes into a repository. */
const ARRIVALS = [ecrImageAction, ecrReplicationAction, ecrPullThroughCacheAction] as const;

function schemaOf(json: unknown): v.GenericSchema<unknown, RefreshRequest | ImageAction> {
  if (isOwnMessage(json)) return refreshRequest;
  const said = json instanceof Object && 'detail-type' in json ? json['detail-type'] : undefined;
  // What is none of them is refused as the most common one, with what is wrong with it.
  return (ARRIVALS.find(({ detailType }) => detailType === said) ?? ecrImageAction).schema;
}

async function record(ports: RegistryEventPorts, pushes: readonly RegistryPush[]): Promise<RecordedPushes> {
  if (pushes.length === 0) return { ours: 0, failed: [] };
  const { policy, unreadable } = await policyInForce(ports.policies);
  // Which repositories are ours is not known without a policy.
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

/** The history first: what is looked at afterwards has it. */
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
