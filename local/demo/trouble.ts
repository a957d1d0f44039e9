import { counted } from '../../shared/domain/common/counted.ts';
import type { CallCount, EventFault, Faults } from '../cloud/admin-types.ts';
import type { DemoResult } from './result.ts';

type Injected = NonNullable<DemoResult['faults']>;

/** Faults: 10 % of all calls are throttled, 2 % fail; events are duplicated, late, reordered or lost. */
export const troubleOf = (seed: number) =>
  ({
    seed,
    throttleRate: 0.1,
    failureRate: 0.02,
    afterRate: 0.5,
    principals: 'roles',
    events: { lost: 0.2, doubled: 0.2, late: 0.2, reordered: 0.2, lateMs: 1500 },
  }) as const satisfies Faults;

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** What will be injected. */
export function troubleText({ seed, throttleRate, failureRate, events }: ReturnType<typeof troubleOf>): string {
  return `Injects faults by seed ${seed}: ${percent(throttleRate)} of Patchwave's calls are throttled, ${percent(failureRate)} fail, ${percent(events.lost)} of the events of AWS are lost, others come twice or late`;
}

/** What was injected into the calls of Patchwave and into the events of AWS. */
export const faultsOf = (seed: number, calls: readonly CallCount[], events: readonly EventFault[]): Injected => ({
  seed,
  throttled: calls.reduce((sum, { throttled }) => sum + throttled, 0),
  failed: calls.reduce((sum, { failed }) => sum + failed, 0),
  events: events.map((event) => ({ ...event })),
});

export function faultSentences({ throttled, failed, events }: Injected): string[] {
  const sum = (wanted: Injected['events'][number]['what']): number =>
    events.filter(({ what }) => what === wanted).reduce((total, { count }) => total + count, 0);
  const fates = `${sum('lost')} lost, ${sum('doubled')} doubled, ${sum('late') + sum('reordered')} delayed`;
  const lost = [
    ...Map.groupBy(
      events.filter(({ what }) => what === 'lost'),
      ({ detailType }) => detailType,
    ),
  ].map(([type, members]) => `${members.reduce((total, { count }) => total + count, 0)} of ${type}`);
  return [
    `Injected: ${counted(throttled, 'throttled call')}, ${counted(failed, 'failed call')}; events: ${fates}`,
    ...(lost.length > 0 ? [`The lost events: ${lost.join(', ')}`] : []),
  ];
}
