import { type Prices, priceOf } from '../shared/prices.ts';
import type { RequestUnits } from './capacity.ts';

/** The usage of one function in one day. */
export interface FunctionUse {
  /** Without the stack's name: `inventory`. */
  readonly name: string;
  readonly memoryMb: number;
  readonly invocations: number;
  readonly seconds: number;
  readonly units: RequestUnits;
  readonly s3Puts: number;
  readonly s3Gets: number;
  readonly queueRequests: number;
  readonly publishedEvents: number;
  readonly logBytes: number;
}

/** The other usage of one day. */
export interface DayUse {
  readonly functions: readonly FunctionUse[];
  readonly standardTransitions: number;
  /** Express children of maps over batches of images. */
  readonly batchChildren: number;
  /** Scans that ended: each is an event that crosses accounts, and a message. */
  readonly scans: number;
  /** Objects that maps read and write: a few for each map, regardless of its items. */
  readonly mapPuts: number;
  readonly mapGets: number;
  /** Queues that functions take their messages from. */
  readonly polledQueues: number;
}

/** Ratio of the target fleet to the measured fleet. */
export interface Growth {
  readonly images: number;
  readonly usages: number;
}

/** What a usage grows with: images, usages, or only accounts and Regions, which both fleets have in equal number. */
type Driver = 'images' | 'usages' | 'none';

interface Drivers {
  readonly invocations: Driver;
  readonly work: Driver;
  readonly files: Driver;
}

/**
 * `work` is time, request units and logs. If two things drive it, the one that grows more is taken, so that no figure
 * is too small: `usages` grows as the larger of the two.
 */
const DRIVERS: Readonly<Record<string, Drivers>> = {
  // One invocation for each scope and registry, of any size; 2,000 observations go to one object, so few objects are added.
  inventory: { invocations: 'none', work: 'usages', files: 'none' },
  // One invocation for each page of a private cluster.
  'inventory-in-vpc': { invocations: 'usages', work: 'usages', files: 'none' },
  // One invocation for each step.
  'fleet-review': { invocations: 'none', work: 'usages', files: 'none' },
  // One invocation, over all images.
  lineage: { invocations: 'none', work: 'images', files: 'none' },
  // Batches of 100 images.
  'scan-trigger': { invocations: 'images', work: 'images', files: 'images' },
  // Batches of 100 images, and messages; evidence for each image.
  'policy-evaluation': { invocations: 'images', work: 'images', files: 'images' },
  // Changes of the ledger.
  'ledger-events': { invocations: 'usages', work: 'usages', files: 'none' },
  report: { invocations: 'none', work: 'usages', files: 'none' },
  // One plan for all open causes.
  'cascade-plan': { invocations: 'none', work: 'images', files: 'none' },
  // One step, message or event for each stream that is rebuilt.
  'cascade-reaper': { invocations: 'images', work: 'images', files: 'none' },
  'rebuild-dispatch': { invocations: 'images', work: 'images', files: 'none' },
  'build-result': { invocations: 'images', work: 'images', files: 'none' },
  'verify-rebuild': { invocations: 'images', work: 'images', files: 'images' },
  'registry-events': { invocations: 'images', work: 'images', files: 'none' },
  // One check a day, over all running images.
  protection: { invocations: 'none', work: 'usages', files: 'none' },
  // The workloads of a stream.
  rollout: { invocations: 'usages', work: 'usages', files: 'usages' },
  // What starts: pods, deployments and tasks.
  'admission-webhook': { invocations: 'usages', work: 'usages', files: 'none' },
  'break-glass': { invocations: 'none', work: 'none', files: 'none' },
  'ecs-gate': { invocations: 'usages', work: 'usages', files: 'none' },
  'ecs-door': { invocations: 'usages', work: 'usages', files: 'none' },
  // One publication of all images, for each window in which something changed.
  'door-publisher': { invocations: 'none', work: 'images', files: 'none' },
  'ecs-tasks': { invocations: 'usages', work: 'usages', files: 'none' },
};

export class UnknownFunctionError extends Error {
  override readonly name = 'UnknownFunctionError';
  constructor(name: string) {
    super(
      `Nothing says whether the cost of function ${name} grows with images or usages. Add it to DRIVERS in bench/cost-model.ts.`,
    );
  }
}

/** A day of the larger fleet. @throws UnknownFunctionError */
export function grown(day: DayUse, growth: Growth): DayUse {
  return {
    ...day,
    functions: day.functions.map((use) => grownFunction(use, growth)),
    batchChildren: day.batchChildren * growth.images,
    scans: day.scans * growth.images,
  };
}

function grownFunction(use: FunctionUse, growth: Growth): FunctionUse {
  const drivers = DRIVERS[use.name];
  if (drivers === undefined) throw new UnknownFunctionError(use.name);
  const factors = { images: growth.images, usages: Math.max(growth.images, growth.usages), none: 1 };
  const work = factors[drivers.work];
  return {
    ...use,
    invocations: use.invocations * factors[drivers.invocations],
    seconds: use.seconds * work,
    units: { read: use.units.read * work, write: use.units.write * work },
    s3Puts: use.s3Puts * factors[drivers.files],
    s3Gets: use.s3Gets * factors[drivers.files],
    queueRequests: use.queueRequests * work,
    publishedEvents: use.publishedEvents * work,
    logBytes: use.logBytes * work,
  };
}

export interface CostLine {
  readonly what: string;
  readonly usd: number;
}

/** Five pollers ask each idle queue every 20 seconds, all day (AWS Lambda developer guide, "Using Lambda with SQS"). */
const IDLE_POLLS_A_DAY = (5 * 86_400) / 20;
const EXPRESS_MEMORY_GB = 64 / 1024;
/** A scan's event becomes one message: sent, received and deleted. */
const REQUESTS_A_MESSAGE = 3;

/** The cost of a day by requests, line by line. @throws MissingPriceError */
export function dayCost(day: DayUse, prices: Prices): CostLine[] {
  const price = (name: string) => priceOf(prices, name);
  const total = (of: (use: FunctionUse) => number) => day.functions.reduce((sum, use) => sum + of(use), 0);
  const seconds = total((use) => use.seconds);
  const gbSeconds = total((use) => (use.seconds * use.memoryMb) / 1024);
  const queueRequests =
    total((use) => use.queueRequests) + day.scans * REQUESTS_A_MESSAGE + day.polledQueues * IDLE_POLLS_A_DAY;
  return [
    { what: 'Lambda time', usd: gbSeconds * price('lambda-gb-second') },
    { what: 'Lambda invocations', usd: total((use) => use.invocations) * price('lambda-request') },
    { what: 'Step Functions transitions', usd: day.standardTransitions * price('standard-transition') },
    {
      what: 'Step Functions express',
      // Every express child waits for one function, so together they last as long as all functions.
      usd: day.batchChildren * price('express-request') + seconds * EXPRESS_MEMORY_GB * price('express-gb-second'),
    },
    { what: 'ledger writes', usd: total((use) => use.units.write) * price('write-unit') },
    { what: 'ledger reads', usd: total((use) => use.units.read) * price('read-unit') },
    { what: 'events', usd: (day.scans + total((use) => use.publishedEvents)) * price('event') },
    { what: 'queue requests', usd: queueRequests * price('queue-request') },
    { what: 'objects written', usd: (total((use) => use.s3Puts) + day.mapPuts) * price('s3-put') },
    { what: 'objects read', usd: (total((use) => use.s3Gets) + day.mapGets) * price('s3-get') },
  ];
}

/** The resources of a whole month, independent of reviews. */
export interface BilledResources {
  /** Metrics that alarms watch: an alarm on an expression costs as much for each metric as one on that metric alone. */
  readonly alarmMetrics: number;
  readonly dashboards: number;
  readonly metrics: number;
  readonly ledgerGb: number;
  readonly bucketGb: number;
  readonly logGbAMonth: number;
}

/** @throws MissingPriceError */
export function monthlyCost(resources: BilledResources, prices: Prices): CostLine[] {
  const price = (name: string) => priceOf(prices, name);
  return [
    { what: 'alarms', usd: resources.alarmMetrics * price('alarm-month') },
    { what: 'dashboard', usd: resources.dashboards * price('dashboard-month') },
    { what: 'custom metrics', usd: resources.metrics * price('metric-month') },
    { what: 'ledger storage', usd: resources.ledgerGb * price('table-gb-month') },
    { what: 'bucket storage', usd: resources.bucketGb * price('s3-gb-month') },
    { what: 'logs', usd: resources.logGbAMonth * price('log-gb') },
  ];
}

export const totalOf = (lines: readonly CostLine[]): number => lines.reduce((sum, { usd }) => sum + usd, 0);
