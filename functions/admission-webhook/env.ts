import { queueUrl, variables } from '../../shared/lambda/variables.ts';
import * as v from '../../shared/schema.ts';

/** Of Ed25519: 32 bytes. */
const publicKey = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'must be a public key in base64url'));
const hash = v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{43}=$/, 'must be a SHA-256 hash in Base64'));
const region = v.text();

export const environment = v.object({
  ...variables('LEDGER_TABLE', 'EVIDENCE_BUCKET'),
  /** Of the table: the hub's, or that of a replica. */
  LEDGER_REGION: region,
  /** Of the bucket, which is read only for a policy that has no document in the table. */
  HUB_REGION: region,
  /** Of the function that reads namespaces from their clusters. */
  BREAK_GLASS_QUEUE_URL: queueUrl,
  PATH_PUBLIC_KEY: publicKey,
  /** The second key of a rotation; empty outside of one. */
  NEXT_PATH_PUBLIC_KEY: v.union([publicKey, v.literal('')]),
  /** Of the secret in files of version 0.2.0; empty if no path of theirs counts. */
  PATH_SECRET_HASH: v.union([hash, v.literal('')]),
  /** The time for all reads and writes of one review. */
  READ_MILLISECONDS: v.pipe(v.numberFromText(), v.integer(), v.minValue(100), v.maxValue(2000)),
  /** How long what was read lets images start again without a read; 0 for never. */
  REMEMBER_SECONDS: v.pipe(v.numberFromText(), v.integer(), v.minValue(0), v.maxValue(60)),
});
