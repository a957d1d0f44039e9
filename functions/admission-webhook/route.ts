import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import type { PathKind } from '../../shared/domain/admission/webhook-path.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { BUILT_IN_RULES } from '../../shared/domain/policy/built-in-rules.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import * as v from '../../shared/schema.ts';
import { InvalidReviewError } from './errors.ts';
import type { AdmissionReview } from './input.ts';
import type { OpenedPath, PathKeys } from './path-keys.ts';
import { pinTags } from './pin-tags.ts';
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
  readonly keys: Pick<PathKeys, 'opened'>;
  /** Records that a cluster asked; it fails no review. */
  readonly noteAsked?: (cluster: Cluster, kind: PathKind) => Promise<void>;
  /** Ports of one review, with the time that it has. */
  readonly ports: ReviewPorts;
}

type HttpAnswer = APIGatewayProxyStructuredResultV2;

/**
 * Answers one request of an API server. Only an answer with status 200 decides; after any other one the API server does what
 * `failurePolicy` of the webhook configuration says. The log has no part of the object or of the path.
 * @param region of this function, and of the clusters that call it
 */
export async function answerRequest(
  request: HttpRequest,
  { keys, ports, noteAsked }: WebhookServices,
  region: string,
): Promise<HttpAnswer> {
  const startedAtMs = performance.now();
  const caller = callerIn(request, keys, region);
  if (!caller) return answer(404, NOT_FOUND);
  const { cluster, use, kind, key } = caller;
  let review: AdmissionReview | undefined;
  // The webhook that writes digests may be there without the one that decides: that one would be silent.
  const noted = use === 'tags' ? undefined : noteAsked?.(cluster, kind);
  try {
    review = readReview(request.body, request.isBase64Encoded);
    if (isOfNamespace(review) !== (use === 'namespaces')) {
      logger.warn('request refused', {
        ...cluster,
        statusCode: 404,
        problem: `the path is one for ${use}`,
        path: kind,
      });
      return answer(404, NOT_FOUND);
    }
    const reviewed = await (use === 'tags' ? pinTags : reviewAdmission)(ports, cluster, review);
    const asked = { ...cluster, path: kind, ...(key && { key }) };
    recordReview(asked, review, reviewed, performance.now() - startedAtMs);
    return answer(200, reviewed.answer);
  } catch (error) {
    if (error instanceof InvalidReviewError) return refused(cluster, 400, error);
    if (error instanceof ReviewTooLargeError) return refused(cluster, 413, error);
    recordUnread(error, { ...cluster, uid: review?.request.uid });
    return answer(500, { message: 'Patchwave cannot decide now. Try again in a minute.' });
  } finally {
    await noted;
  }
}

const ACCOUNT = /^\d{12}$/;
/** https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html */
const CLUSTER = /^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/;

const NOT_FOUND = { message: 'Not Found' };

interface Caller extends OpenedPath {
  readonly cluster: Cluster;
}

/** @returns `undefined` for any path that is not signed for the cluster that it names */
function callerIn({ pathParameters }: HttpRequest, keys: WebhookServices['keys'], region: string): Caller | undefined {
  const { secret = '', account = '', cluster: name = '' } = pathParameters ?? {};
  if (!ACCOUNT.test(account) || !CLUSTER.test(name)) return undefined;
  const cluster = { account, region, cluster: name };
  const opened = keys.opened(secret, cluster);
  return opened && { ...opened, cluster };
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
  caller: Cluster & { readonly path: OpenedPath['kind'] } & Pick<OpenedPath, 'key'>,
  { request }: AdmissionReview,
  {
    decision,
    ruleId,
    digests = [],
    isRemembered,
    pinned,
    denied = [],
    breakGlass,
    unread,
    unreported,
  }: ReviewedAdmission,
  milliseconds: number,
): void {
  const { uid, kind, namespace, operation, dryRun } = request;
  const durationMs = Math.round(milliseconds * 10) / 10;
  const about = { uid, ...caller, namespace, kind: kind.kind, operation };
  logger.info('review answered', {
    ...{ ...about, decision, durationMs },
    ...(ruleId !== undefined && { ruleId }),
    ...(digests.length > 0 && { digests }),
    ...(isRemembered && { isRemembered }),
    ...(pinned !== undefined && { pinned }),
  });
  if (caller.path === 'shared-secret') metrics.addMetric('SharedSecretReviews', MetricUnit.Count, 1);
  if (denied.length > 0 && !dryRun) countDenied(caller, ruleId);
  if (unreported !== undefined) {
    metrics.addMetric('DenialsUnreported', MetricUnit.Count, 1);
    logger.warn('a refusal could not be recorded, or names no head to deploy', {
      ...about,
      error: errorOf(unreported),
    });
  }
  if (breakGlass !== undefined) logger.warn(`a namespace asks for the ${breakGlass} of its break-glass`, about);
  if (unread !== undefined) recordUnread(unread, about);
}

/** The alarm of doors.yaml counts these. */
function recordUnread(error: unknown, about: Readonly<Record<string, unknown>>): void {
  metrics.addMetric('ReviewsUnread', MetricUnit.Count, 1);
  logger.error('policy or ledger cannot be read', {
    ...about,
    error: errorOf(error),
  });
}

const errorOf = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Of one execution environment: each pair of a cluster and a rule is a metric that AWS bills. */
const MOST_PAIRS = 50;
const pairs = new Set<string>();
/** The rules of a policy are as many as its author likes. */
const OWN_RULES: ReadonlySet<string> = new Set([...Object.values(DOOR_RULES), ...Object.values(BUILT_IN_RULES)]);

/** One metric of all refusals, for the alarm, and one of each cluster and rule, which says where and why. */
function countDenied({ account, cluster }: Cluster, ruleId = ''): void {
  metrics.addMetric('StartsDenied', MetricUnit.Count, 1);
  const rule = OWN_RULES.has(ruleId) ? ruleId : 'of-the-policy';
  const pair = `${account}/${cluster} ${rule}`;
  if (pairs.size >= MOST_PAIRS && !pairs.has(pair)) return;
  pairs.add(pair);
  const metric = metrics.singleMetric();
  for (const [name, value] of Object.entries({ cluster: `${account}/${cluster}`, rule }))
    metric.addDimension(name, value);
  metric.addMetric('StartsDenied', MetricUnit.Count, 1);
}
