import { instrumentClients } from '../adapters/instrumentation.ts';
import * as v from '../schema.ts';
import { loadEnv } from './env.ts';
import { logger } from './powertools.ts';

type TracerModule = typeof import('./tracer.ts');

const environment = v.object({ POWERTOOLS_TRACE_ENABLED: v.optional(v.picklist(['true', 'false']), 'false') });

/** Runs the work of one invocation; with the parameter Tracing on, as a subsegment of its X-Ray trace. */
export type Tracing = <Output>(work: () => Promise<Output>) => Promise<Output>;

/**
 * Loads Powertools Tracer at the first invocation, and only if the parameter Tracing is on, because it is most of 125
 * KiB. If the tracer cannot be loaded, the function logs it once and works without it.
 * @param load the tracer's bundle; the build puts it beside the function's own
 */
export function tracingOf(load: () => Promise<TracerModule> = () => import('./tracer.ts')): Tracing {
  if (loadEnv(environment).POWERTOOLS_TRACE_ENABLED === 'false') return (work) => work();
  let tracer: Promise<TracerModule | undefined> | undefined;
  return async (work) => {
    tracer ??= loaded(load);
    const module = await tracer;
    return module ? module.inSubsegment(work) : work();
  };
}

async function loaded(load: () => Promise<TracerModule>): Promise<TracerModule | undefined> {
  try {
    const module = await load();
    instrumentClients(module.traceCalls);
    return module;
  } catch (error) {
    logger.warn(
      'Tracing is on, but the tracer cannot be loaded, so traces do not show the AWS calls. Run `npm run build`, then deploy its `dist/`.',
      error instanceof Error ? error : String(error),
    );
    return undefined;
  }
}
