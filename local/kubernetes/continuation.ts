import * as v from '../../shared/schema.ts';
import { safeParse } from '../../shared/schema.ts';
import { ApiError } from './api-error.ts';

/** Where the next page of a list begins. */
export interface Continuation {
  /** The revision that the list shows; negative: the present one, after the first one was compacted. */
  readonly revision: number;
  /** The key after the last one of the page before. */
  readonly start: string;
}

/** The form of kube-apiserver's tokens. Clients must not read them. */
const tokenSchema = v.strictObject({ v: v.literal('meta.k8s.io/v1'), rv: v.integer(), start: v.string() });

export const tokenOf = ({ revision, start }: Continuation): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })).toString('base64url');

/** @throws ApiError 400 for a token that no list gave out */
export function readContinuation(token: string): Continuation {
  const parsed = safeParse(tokenSchema, decoded(token));
  if (!parsed.success) throw new ApiError(400, `continue key is not valid: ${token}`);
  return { revision: parsed.data.rv, start: parsed.data.start };
}

function decoded(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
}
