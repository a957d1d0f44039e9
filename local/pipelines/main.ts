/** `node local/pipelines/main.ts ENDPOINT`: a builder of its own process, which ends with the cloud it works for. */

import { runBuilder } from './builder.ts';

const [endpoint] = process.argv.slice(2);
if (endpoint === undefined) throw new RangeError('usage: node local/pipelines/main.ts ENDPOINT');
await runBuilder(endpoint);
