import { REGION_CODE } from '../../shared/domain/image/region.ts';
import * as v from '../../shared/schema.ts';

/** The words that several parts of a fleet file are made of. */

export const account = v.pipe(v.string(), v.regex(/^\d{12}$/, 'must be an account id, which has 12 digits'));
export const region = v.pipe(v.string(), v.regex(new RegExp(`^${REGION_CODE}$`), 'must be a Region such as eu-west-1'));
export const repositoryName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, 'must be a repository name that ECR allows'),
);
export const handle = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9._-]*$/, 'must have only lower-case letters, digits, ".", "_" and "-"'),
);
export const tag = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'must be a tag that OCI allows'));
export const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits'));
export const daysAgo = v.pipe(v.number(), v.minValue(0));
