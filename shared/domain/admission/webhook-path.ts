import { createHash } from 'node:crypto';
import type { Cluster } from '../image/usage.ts';

/** What a path may be asked: to decide on pods and what makes them, on the break-glass of namespaces, or for digests of tags. */
export const PATH_USES = ['pods', 'namespaces', 'tags'] as const;
export type PathUse = (typeof PATH_USES)[number];

/** A file of version 0.2.0 has a secret that is the same for every cluster of the stack. */
export type PathKind = 'signed' | 'shared-secret';

/**
 * What the signature in a path is over. Its first line keeps it apart from anything else that the key may sign. No name of an
 * account, Region or cluster has a `/` or a line end.
 */
export const signedText = (use: PathUse, { account, region, cluster }: Cluster): Buffer =>
  Buffer.from(`patchwave webhook path v1\n${use}\n${account}/${region}/${cluster}`);

/** The path of a cluster's webhooks, behind the URL of the stack. */
export const webhookPath = (signature: string, { account, cluster }: Cluster): string =>
  `/${signature}/${account}/${cluster}`;

/**
 * In files of version 0.2.0: the secret for pods, made from the one that opened namespaces too. A stack knows the SHA-256 of the
 * secret for pods.
 */
export const podSecretOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
