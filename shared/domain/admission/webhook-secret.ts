import { createHash } from 'node:crypto';

/**
 * The secret with which API servers ask about pods, made from the one that opens namespaces too. An API server shows its URL to
 * whoever creates a pod while the webhook cannot be reached, and nobody can find the other secret from this one.
 */
export const podSecretOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
