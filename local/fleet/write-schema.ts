import { writeFileSync } from 'node:fs';
import { fleetJsonSchema } from './schema.ts';

// Run after a change of schema.ts: node local/fleet/write-schema.ts && npx biome format --write local/fleet
const file = new URL('fleet.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(fleetJsonSchema(), null, 2)}\n`);
