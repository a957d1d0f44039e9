/**
 * Validating admission: before the API server writes, it asks the webhooks that its configurations name.
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */

import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import * as v from '../../shared/schema.ts';
import type { Caller } from './access.ts';
import { ApiError } from './api-error.ts';
import type { ObjectStore } from './object-store.ts';
import { type ApiResource, type KubernetesObject, RESOURCES } from './objects.ts';
import { conditionsHold, isChosen, type Matched, type Webhook, webhooksIn } from './webhooks.ts';

const REVIEW = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' } as const;

/** What is about to be written. */
export interface PendingWrite {
  readonly operation: Matched['operation'];
  readonly caller: Caller;
  readonly resource: ApiResource;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name: string;
  /** Absent for a deletion. */
  readonly object?: KubernetesObject;
  /** Absent for a creation. */
  readonly oldObject?: KubernetesObject;
}

/** Where the API server finds a webhook: a host of AWS is elsewhere in the embedded cloud. */
export type Route = (url: URL) => URL;

export const directly: Route = (url) => url;

/**
 * Asks the webhooks about a request, all at once.
 * @param warn takes the warnings of the answers, also of one that refuses
 * @throws ApiError of the first webhook that refuses, or that cannot be asked and whose failure policy is `Fail`
 */
export async function admit(
  store: ObjectStore,
  request: PendingWrite,
  { route, warn }: { readonly route: Route; readonly warn: (text: string) => void },
): Promise<void> {
  const { resource, object } = request;
  // https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#avoiding-deadlocks-in-self-hosted-webhooks:
  // no webhook is asked about configurations of webhooks.
  if (resource === RESOURCES.validatingWebhookConfigurations) {
    if (object) webhooksIn(object);
    return;
  }
  const webhooks = store.all(RESOURCES.validatingWebhookConfigurations).flatMap(webhooksIn);
  if (webhooks.length === 0) return;
  const matched = { ...request, labels: labelsFor(store, request) };
  const chosen = webhooks.filter((webhook) => isChosen(webhook, matched));
  const answers = await Promise.all(chosen.map((webhook) => answerOf(webhook, request, route)));
  for (const { warnings } of answers) for (const text of warnings) warn(text);
  for (const { refusal } of answers) if (refusal) throw refusal;
}

/** Every namespace has its name as a label. */
function labelsFor(store: ObjectStore, { resource, namespace, name, object, oldObject }: PendingWrite) {
  const named = resource === RESOURCES.namespaces ? name : namespace;
  if (named === undefined) return undefined;
  const found =
    resource === RESOURCES.namespaces
      ? (object ?? oldObject)
      : store.all(RESOURCES.namespaces).find(({ metadata }) => metadata.name === named);
  return { ...found?.metadata.labels, 'kubernetes.io/metadata.name': named };
}

interface Answer {
  readonly warnings: readonly string[];
  readonly refusal?: ApiError;
}

const PASSED: Answer = { warnings: [] };

async function answerOf(webhook: Webhook, request: PendingWrite, route: Route): Promise<Answer> {
  const { name, failurePolicy } = webhook;
  const { object = null, oldObject = null } = request;
  const body = reviewed(request);
  const failed = (code: number, message: string): Answer =>
    failurePolicy === 'Fail' ? { warnings: [], refusal: new ApiError(code, message) } : PASSED;
  try {
    if (!conditionsHold(webhook, { object, oldObject, request: body })) return PASSED;
  } catch (error) {
    return failed(403, `${request.resource.name} "${request.name}" is forbidden: ${String(error)}`);
  }
  try {
    const response = await called(webhook, { ...REVIEW, request: { ...body, object, oldObject } }, route);
    const { warnings, allowed, status } = response;
    return { warnings, ...(!allowed && { refusal: refusalBy(name, status) }) };
  } catch (error) {
    return failed(500, `Internal error occurred: failed calling webhook "${name}": ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The request of a review without its objects, as conditions see it. */
function reviewed({ operation, caller, resource, subresource = '', namespace = '', name }: PendingWrite) {
  const { group, version, kind } = resource;
  const [asked, of] = [
    { group, version, kind },
    { group, version, resource: resource.name },
  ];
  return {
    ...{ uid: randomUUID(), kind: asked, resource: of, subResource: subresource },
    ...{ requestKind: asked, requestResource: of, requestSubResource: subresource },
    ...{ name, namespace, operation, userInfo: caller, dryRun: false },
  };
}

const answerSchema = v.object({
  ...{ apiVersion: v.literal(REVIEW.apiVersion), kind: v.literal(REVIEW.kind) },
  response: v.object({
    uid: v.string(),
    allowed: v.boolean(),
    warnings: v.nullish(v.array(v.string()), []),
    status: v.optional(
      v.object({ code: v.optional(v.integer()), reason: v.optional(v.string()), message: v.optional(v.string()) }),
    ),
  }),
});
type Response = v.InferOutput<typeof answerSchema>['response'];

/** A refusal has a status from 400 on. */
function refusalBy(name: string, { code = 0, reason, message }: NonNullable<Response['status']> = {}): ApiError {
  const text = `admission webhook "${name}" denied the request${message ? `: ${message}` : ' without explanation'}`;
  return new ApiError(Math.max(code, 400), text, reason === undefined ? {} : { reason });
}

/** @throws Error with what is wrong, as kube-apiserver tells it */
async function called(
  { clientConfig: { url, caBundle }, timeoutSeconds }: Webhook,
  review: { readonly request: { readonly uid: string; readonly [member: string]: unknown } },
  route: Route,
): Promise<Response> {
  const to = route(new URL(`${url}?timeout=${timeoutSeconds}s`));
  const ca = caBundle === undefined ? {} : { ca: Buffer.from(caBundle, 'base64') };
  const { status, text } = await posted(to, JSON.stringify(review), { ...ca, timeoutMs: timeoutSeconds * 1000 }).catch(
    (error: unknown) => {
      throw new Error(`failed to call webhook: Post "${url}?timeout=${timeoutSeconds}s": ${messageOf(error)}`);
    },
  );
  if (status !== 200) throw new Error(`failed to call webhook: the server responded with the status code ${status}`);
  const { response } = v.parse(answerSchema, JSON.parse(text), 'the response of the webhook');
  if (response.uid !== review.request.uid)
    throw new Error(`expected response.uid="${review.request.uid}", got "${response.uid}"`);
  return response;
}

/** The server in the embedded cloud has no TLS. */
function posted(
  url: URL,
  body: string,
  { ca, timeoutMs }: { readonly ca?: Buffer; readonly timeoutMs: number },
): Promise<{ readonly status: number; readonly text: string }> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const timer = AbortSignal.timeout(timeoutMs);
    const failed = (error: Error): void => reject(timer.aborted ? new Error('context deadline exceeded') : error);
    const sent = send(url, { method: 'POST', headers, signal: timer, ...(ca && { ca }) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', failed);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.once('error', failed);
    sent.end(body);
  });
}
