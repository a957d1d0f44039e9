/** Callers with few permissions, as a probe makes them. */

import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { ClientConfig } from '../cloud.ts';
import type { ProbeCloud } from './probe.ts';
import { makeRole, type Statement } from './probe-workflows.ts';

type SessionConfig = Omit<ClientConfig, 'credentials'> & {
  readonly credentials: ClientConfig['credentials'] & { readonly sessionToken?: string };
};

/** The configuration of an SDK client that may do nothing but this. */
export async function sessionThatMay(cloud: ProbeCloud, statements: readonly Statement[]): Promise<SessionConfig> {
  const RoleArn = await makeRole(cloud, { Principal: { AWS: '*' } }, statements);
  const sts = new STSClient(cloud.config);
  const { Credentials = {} } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'probe' }));
  const {
    AccessKeyId: accessKeyId = '',
    SecretAccessKey: secretAccessKey = '',
    SessionToken,
  } = Credentials as {
    readonly AccessKeyId?: string;
    readonly SecretAccessKey?: string;
    readonly SessionToken?: string;
  };
  const credentials = { accessKeyId, secretAccessKey, ...(SessionToken && { sessionToken: SessionToken }) };
  return { ...cloud.config, credentials };
}
