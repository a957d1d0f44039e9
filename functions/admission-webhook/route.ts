import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import * as v from '../../shared/schema.ts';
import { InvalidReviewError } from './errors.ts';
import type { AdmissionReview } from './input.ts';
import { openedBy } from './path-secret.ts';
import { ReviewTooLargeError, readReview } from './read-review.ts';
import { reviewAdmission } from './review-admission.ts';
import type { ReviewedAdmission, ReviewPorts } from './reviewed.ts';

/**
 * A request of an HTTP API, payload 2.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export const httpRequest = v.object({
  version: v.literal('2.0'),
  pathParameters: v.optional(v.object({ secret: v.string(), account: v.string(), cluster: v.string() })),
  body: v.optional(v.string()),
  isBase64Encoded: v.boolean(),
});
export type HttpRequest = v.InferOutput<typeof httpRequest>;

export interface WebhookServices {
  readonly pathSecretHashes: readonly string[];
  /** Ports of one review, with the time that it has. */
  readonly ports: ReviewPorts;
}

type HttpAnswer = APIGatewayProxyStructuredResultV2;

/**
 * Answers one request of an API server. Only an answer with status 200 decides; after any other one the API server does what
 * `failurePolicy` of the webhook configuration says. The log has no part of the object, of the path or of the secret.
 * @param region of this function, and of the clusters that call it
 */
export async function answerRequest(
  request: HttpRequest,
  { pathSecretHashes, ports }: WebhookServices,
  region: string,
): Promise<HttpAnswer> {
  const startedAtMs = performance.now();
  const { cluster, mayOpenNamespaces, secret } = callerIn(request, pathSecretHashes, region);
  if (!cluster) return answer(404, NOT_FOUND);
  let review: AdmissionReview | undefined;
  try {
    review = readReview(request.body, request.isBase64Encoded);
    if (isOfNamespace(review) && !mayOpenNamespaces) {
      logger.warn('request refused', { ...cluster, statusCode: 404, problem: 'the secret is the one for pods' });
      return answer(404, NOT_FOUND);
    }
    const reviewed = await reviewAdmission(ports, cluster, review);
    recordReview({ ...cluster, ...(secret && { secret }) }, review, reviewed, performance.now() - startedAtMs);
    return answer(200, reviewed.answer);
  } catch (error) {
    if (error instanceof InvalidReviewError) return refused(cluster, 400, error);
    if (error instanceof ReviewTooLargeError) return refused(cluster, 413, error);
    recordUnread(error, { ...cluster, uid: review?.request.uid });
    return answer(500, { message: 'Patchwave cannot decide now. Try again in a minute.' });
  }
}

const ACCOUNT = /^\d{12}$/;
/** https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html */
const CLUSTER = /^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/;

const NOT_FOUND = { message: 'Not Found' };

interface Caller {
  /** Absent for any path without a secret. */
  readonly cluster?: Cluster;
  readonly mayOpenNamespaces: boolean;
  /** During a rotation: which of the two secrets the path has. */
  readonly secret?: 'current' | 'next';
}

function callerIn({ pathParameters }: HttpRequest, pathSecretHashes: readonly string[], region: string): Caller {
  const { secret = '', account = '', cluster = '' } = pathParameters ?? {};
  const opened = openedBy(secret, pathSecretHashes);
  const isKnown = opened !== 'nothing' && ACCOUNT.test(account) && CLUSTER.test(cluster);
  const named = {
    ...(isKnown && { cluster: { account, region, cluster } }),
    mayOpenNamespaces: opened === 'everything',
  };
  if (pathSecretHashes.length < 2) return named;
  const isNext = openedBy(secret, pathSecretHashes.slice(1)) !== 'nothing';
  return { ...named, secret: isNext ? 'next' : 'current' };
}

const isOfNamespace = ({ request: { kind } }: AdmissionReview): boolean =>
  kind.group === '' && kind.kind === 'Namespace';

const answer = (statusCode: number, body: unknown): HttpAnswer => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

function refused(cluster: Cluster, statusCode: number, error: Error): HttpAnswer {
  logger.warn('request refused', { ...cluster, statusCode, problem: error.message });
  return answer(statusCode, { message: error.message });
}

function recordReview(
  caller: Cluster & Pick<Caller, 'secret'>,
  { request }: AdmissionReview,
  { decision, ruleId, digests = [], isRemembered, breakGlass, unread }: ReviewedAdmission,
  milliseconds: number,
): void {
  const { uid, kind, namespace, operation } = request;
  const durationMs = Math.round(milliseconds * 10) / 10;
  const about = { uid, ...caller, namespace, kind: kind.kind, operation };
  logger.info('review answered', {
    ...{ ...about, decision, durationMs },
    ...(ruleId !== undefined && { ruleId }),
    ...(digests.length > 0 && { digests }),
    ...(isRemembered && { isRemembered }),
  });
  if (breakGlass === 'begun') metrics.addMetric('BreakGlassBegun', MetricUnit.Count, 1);
  if (breakGlass !== undefined) logger.warn(`break-glass ${breakGlass}`, about);
  if (unread !== undefined) recordUnread(unread, about);
}

/** The alarm of doors.yaml counts these. */
function recordUnread(error: unknown, about: Readonly<Record<string, unknown>>): void {
  metrics.addMetric('ReviewsUnread', MetricUnit.Count, 1);
  logger.error('policy or ledger cannot be read', {
    ...about,
    error: error instanceof Error ? error : new Error(String(error)),
  });
}
