/** Sessions of roles, and tokens for clusters of Amazon EKS, as probes and tests make them. */

import { createHash, createHmac } from 'node:crypto';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { ClientConfig } from '../cloud.ts';
import { ensureRole } from '../kubernetes/eks.ts';

export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Makes a role that every account may assume, unless it is there. Its ARN. */
export const makeOpenRole = (config: ClientConfig, name: string): Promise<string> =>
  ensureRole(config, name, { AWS: '*' });

/** A session of a role of the account of the configuration. */
export async function sessionOf(
  config: ClientConfig,
  RoleArn: string,
  RoleSessionName = 'session',
): Promise<SessionCredentials> {
  const { Credentials = {} } = await new STSClient(config).send(new AssumeRoleCommand({ RoleArn, RoleSessionName }));
  const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials as Record<string, string | undefined>;
  return {
    accessKeyId: AccessKeyId ?? '',
    secretAccessKey: SecretAccessKey ?? '',
    ...(SessionToken !== undefined && { sessionToken: SessionToken }),
  };
}

export interface TokenOptions {
  readonly region: string;
  /** The name of the cluster that the token is for. */
  readonly cluster: string;
  readonly credentials: SessionCredentials;
  /** When it is signed; left out: now. */
  readonly atEpochMs?: number;
  readonly expiresSeconds?: number;
  /** Left out: the STS endpoint of the Region. */
  readonly host?: string;
}

/**
 * A bearer token for an EKS cluster: a GetCallerIdentity request to STS, signed with the cluster's name. Written from the
 * specification and not with the product's own code, so that the two check each other.
 * https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster
 */
export function eksToken({
  region,
  cluster,
  credentials,
  atEpochMs = Date.now(),
  expiresSeconds = 60,
  host = `sts.${region}.amazonaws.com`,
}: TokenOptions): string {
  const instant = `${new Date(atEpochMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const day = instant.slice(0, 8);
  const scope = `${day}/${region}/sts/aws4_request`;
  const query = new URLSearchParams({
    Action: 'GetCallerIdentity',
    Version: '2011-06-15',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': instant,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
    ...(credentials.sessionToken !== undefined && { 'X-Amz-Security-Token': credentials.sessionToken }),
  });
  const sorted = [...query.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  const canonicalQuery = sorted.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');
  const request = ['GET', '/', canonicalQuery, `host:${host}`, `x-k8s-aws-id:${cluster}`, '', 'host;x-k8s-aws-id'];
  const canonical = [...request, sha256('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', instant, scope, sha256(canonical)].join('\n');
  const steps = [day, region, 'sts', 'aws4_request'];
  const key = steps.reduce<string | Buffer>((soFar, step) => hmac(soFar, step), `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  const url = `https://${host}/?${canonicalQuery}&X-Amz-Signature=${signature}`;
  return `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`;
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
