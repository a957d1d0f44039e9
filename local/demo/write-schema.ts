/** Writes demo.schema.json from result.ts; a test holds the two equal. */

import { writeFile } from 'node:fs/promises';
import { demoJsonSchema } from './result.ts';

await writeFile(new URL('demo.schema.json', import.meta.url), `${JSON.stringify(demoJsonSchema(), null, 2)}\n`);
