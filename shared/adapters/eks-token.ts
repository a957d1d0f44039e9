import { createHash, createHmac } from 'node:crypto';
import { serviceDomain } from '../domain/image/reference.ts';

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const PREFIX = 'k8s-aws-v1.';
const ALGORITHM = 'AWS4-HMAC-SHA256';
const SIGNED_HEADERS = 'host;x-k8s-aws-id';
const EMPTY_HASH = createHash('sha256').digest('hex');
/** What the AWS CLI writes. STS ignores it: a token is good for 15 minutes from `X-Amz-Date`. */
const EXPIRES_SECONDS = '60';

/**
 * The bearer token for the Kubernetes API of an EKS cluster: a presigned `sts:GetCallerIdentity`, byte for byte what
 * `aws eks get-token` prints in the same second with the same credentials. EKS accepts only the STS host of the
 * partition, so an endpoint setting of the SDK has no effect here.
 * https://docs.aws.amazon.com/eks/latest/userguide/cluster-auth.html,
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function eksToken(
  cluster: { readonly region: string; readonly cluster: string },
  { accessKeyId, secretAccessKey, sessionToken }: SigningCredentials,
  nowEpochMs: number,
): string {
  const { region } = cluster;
  const host = `sts.${region}.${serviceDomain(region)}`;
  const instant = new Date(nowEpochMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const day = instant.slice(0, 8);
  const scope = `${day}/${region}/sts/aws4_request`;
  const query: readonly (readonly [string, string])[] = [
    ['Action', 'GetCallerIdentity'],
    ['Version', '2011-06-15'],
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${accessKeyId}/${scope}`],
    ['X-Amz-Date', instant],
    ['X-Amz-Expires', EXPIRES_SECONDS],
    ['X-Amz-SignedHeaders', SIGNED_HEADERS],
    ...(sessionToken === undefined ? [] : [['X-Amz-Security-Token', sessionToken] as const]),
  ];
  const canonical = [
    'GET',
    '/',
    queryString([...query].sort(([one], [other]) => (one < other ? -1 : 1))),
    `host:${host}`,
    `x-k8s-aws-id:${cluster.cluster}`,
    '',
    SIGNED_HEADERS,
    EMPTY_HASH,
  ].join('\n');
  const hash = createHash('sha256').update(canonical).digest('hex');
  const key = [day, region, 'sts', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, [ALGORITHM, instant, scope, hash].join('\n')).toString('hex');
  const url = `https://${host}/?${queryString([...query, ['X-Amz-Signature', signature]])}`;
  return `${PREFIX}${Buffer.from(url).toString('base64url')}`;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const queryString = (query: readonly (readonly [string, string])[]): string =>
  query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');

/** Signature Version 4 also encodes the characters that `encodeURIComponent` leaves. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
