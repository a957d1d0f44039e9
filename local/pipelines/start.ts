/** Starts the builder of a cloud's pipelines beside it. */

import { fileURLToPath } from 'node:url';
import { type Companion, startCompanion } from '../companion.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Starts a builder for the cloud at an endpoint. */
export const startBuilder = (endpoint: string): Companion => startCompanion(MAIN, [endpoint]);
