import * as v from '../../schema.ts';
import { REGION_CODE } from '../image/region.ts';

/* Shared parts of the policy schema. */

export const id = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'must be at most 63 lower-case letters, digits and dashes, and begin with a letter or digit',
  ),
);
export const account = v.pipe(v.string(), v.regex(/^\d{12}$/, 'must be an AWS account id, which has 12 digits'));
export const region = v.pipe(v.string(), v.regex(new RegExp(`^${REGION_CODE}$`), 'must be the code of an AWS Region'));
export const some = <Element extends v.GenericSchema>(element: Element) => v.pipe(v.array(element), v.minLength(1));
export const days = v.pipe(v.number(), v.minValue(0), v.maxValue(3650));

/** `*` stands for any run of characters, in repository names and registry hosts alike. */
export const glob = v.pipe(v.string(), v.minLength(1), v.maxLength(256));

/** Highest first. `undefined` is the scanner's own "not rated" (ECR `UNDEFINED`, Inspector `UNTRIAGED`). */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'informational', 'undefined'] as const;

export type Severity = (typeof SEVERITIES)[number];
