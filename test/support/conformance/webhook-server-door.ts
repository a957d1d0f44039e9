import type { KubernetesClient, PersonAnswer } from '../kubernetes-client.ts';
import type { WebhookServer } from '../webhook-server.ts';
import { type Fields, overlaid, storable } from './case-objects.ts';
import type { ConformanceCase } from './cases.ts';
import { type ConformanceDoor, placeOf, portsFor } from './doors.ts';
import type { Expected } from './situation.ts';
import { DEVELOPER, RESOURCES } from './webhook-door.ts';

/** Of the door, in the matrix and in not-expressed.yaml. */
export const WEBHOOK_ON_SERVER = 'webhook-on-server';

export interface ServedDoor {
  readonly webhook: WebhookServer;
  /** Of a person, by name and groups. */
  readonly clientOf: (user: { readonly username: string; readonly groups: readonly string[] }) => KubernetesClient;
  /** Applies what is shipped for the policy and the place of the case, if something else is in force. */
  readonly configure: (one: ConformanceCase) => Promise<void>;
}

/** The API server does not ask at all where its own rules refuse the object. */
export class RefusedByServerError extends Error {
  override readonly name = 'RefusedByServerError';
}

/** What a person sees who puts the case to an API server with the shipped webhook configuration. */
export const webhookOnServerDoor = (door: ServedDoor): ConformanceDoor => ({
  name: WEBHOOK_ON_SERVER,
  // The API server knows the object before an update itself.
  can: ({ review, situation }) =>
    review !== undefined &&
    situation.pinsWithinDays === undefined &&
    RESOURCES[review.kind] !== undefined &&
    !(review.operation === 'UPDATE' && !review.oldObject),
  async decide(one) {
    await door.configure(one);
    door.webhook.ports = await portsFor(one, placeOf(one));
    const before = door.webhook.asked.length;
    const answer = await putToServer(one, door.clientOf(one.review?.user ?? DEVELOPER));
    const asked = door.webhook.asked.slice(before);
    return decidedIn(one, answer, asked.length);
  },
});

/** Where the objects of the kind of a case are. */
export function collectionOf({ review, place }: ConformanceCase): string {
  const { group, resource } = RESOURCES[review?.kind ?? ''] ?? { group: '', resource: '' };
  const root = group === '' ? '/api/v1' : `/apis/${group}/v1`;
  return review?.kind === 'Namespace' ? `${root}/${resource}` : `${root}/namespaces/${place.namespace}/${resource}`;
}

/** What must be stored before the case can be put: the object before an update, or the one that is deleted. */
export const storedBefore = (one: ConformanceCase): Fields | undefined =>
  one.review?.oldObject ? storable(one, one.review.oldObject) : undefined;

// Without this the server warns of fields that it does not know.
const QUERY = '?dryRun=All&fieldValidation=Ignore';

/** Puts the request of a case to the server as a trial run. */
export async function putToServer(one: ConformanceCase, client: KubernetesClient): Promise<PersonAnswer> {
  const { review } = one;
  if (!review) throw new Error(`The case ${one.id} asks no API server.`);
  const collection = collectionOf(one);
  if (review.operation === 'CREATE') return client.send('POST', `${collection}${QUERY}`, storable(one, review.object));
  const path = `${collection}/${one.id}`;
  if (review.operation === 'DELETE') return client.send('DELETE', `${path}?dryRun=All`);
  const stored = await client.send('GET', path);
  const subresource = review.subresource === undefined ? '' : `/${review.subresource}`;
  return client.send('PUT', `${path}${subresource}${QUERY}`, overlaid(stored.body, review.object));
}

const DENIED = /^admission webhook "[a-z-]+\.patchwave\.dev" denied the request: (.+)$/s;

function decidedIn({ id }: ConformanceCase, { status, body, warnings }: PersonAnswer, timesAsked: number): Expected {
  const { message = '', reason } = body;
  if (timesAsked > 1) throw new Error(`${id} asked ${timesAsked} times`);
  if (status < 300) {
    if (warnings.some((warning) => warning.endsWith('…'))) throw new Error(`${id} has a warning that is cut`);
    const [first] = warnings;
    return first === undefined ? { decision: 'allow' } : { decision: 'warn', ...citedIn(first) };
  }
  const [, said] = DENIED.exec(message) ?? [];
  if (said === undefined) throw new RefusedByServerError(`HTTP ${status}: ${message}`);
  if (status !== 403 || reason !== 'Forbidden') throw new Error(`${id} is refused by ${status} ${String(reason)}`);
  return { decision: 'deny', ...citedIn(said) };
}

const RULE = /\(([a-z][a-z0-9-]*)\)/;

/** The rule of the first image in a message: `field (image): text (rule)`; of a namespace, in the first sentence. */
function citedIn(text: string): { readonly rule?: string } {
  const message = text.slice(text.indexOf(': ') + 2);
  const [, rule] = RULE.exec(message) ?? RULE.exec(text) ?? [];
  return rule === undefined ? {} : { rule };
}
