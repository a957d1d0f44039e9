import { writeFileSync } from 'node:fs';
import { jsonSchemaOf } from '../local/json-schema.ts';
import { policySchema } from '../shared/domain/policy/policy.ts';

// Run after a change of shared/domain/policy/policy.ts: node scripts/write-policy-schema.ts
const file = new URL('../docs/policy.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(jsonSchemaOf(policySchema), null, 2)}\n`);
