import { createHash } from 'node:crypto';

/**
 * The secret with which API servers ask about pods, made from the one that opens namespaces too. While the webhook cannot be
 * reached, an API server shows its URL to a person who creates a pod. The other secret cannot be found from this one.
 */
export const podSecretOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
