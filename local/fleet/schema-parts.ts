import * as v from '../../shared/schema.ts';

/** The words that several parts of a fleet file are made of. */

export const account = v.pipe(v.string(), v.regex(/^\d{12}$/, 'an account id has 12 digits'));
export const region = v.pipe(v.string(), v.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a Region looks like eu-west-1'));
export const repositoryName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, 'not a repository name as ECR allows it'),
);
export const handle = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9._-]*$/, 'a handle holds lower-case letters, digits, ".", "_" and "-"'),
);
export const tag = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'not a tag as OCI allows it'));
export const digest = v.pipe(
  v.string(),
  v.regex(/^sha256:[0-9a-f]{64}$/, 'a digest is sha256: and 64 hexadecimal digits'),
);
export const daysAgo = v.pipe(v.number(), v.minValue(0));
