import { TIERS, type Tier } from '../image/image.ts';
import type { Report } from './report.ts';

/** The metrics of a report. Zeros are included, so that an alarm sees what went away. */
export interface ReportCounts {
  readonly causesOpen: number;
  /** By outcome; `failed`: not judged. */
  readonly images: Readonly<Record<'compliant' | 'violating' | 'unknown' | 'failed', number>>;
  /** Images that are not compliant. */
  readonly open: Readonly<Record<Tier, Readonly<Record<'violating' | 'unknown', number>>>>;
}

export function countsOf({
  images: { unjudged, ...judged },
  groups,
  pendingRebuilds,
}: Pick<Report, 'images' | 'groups' | 'pendingRebuilds'>): ReportCounts {
  const openIn = (tier: Tier) => {
    const own = groups.filter((group) => group.tier === tier);
    const count = (outcome: 'violating' | 'unknown') => own.reduce((sum, group) => sum + group[outcome].length, 0);
    return { violating: count('violating'), unknown: count('unknown') };
  };
  return {
    causesOpen: pendingRebuilds.length,
    images: { ...judged, failed: unjudged },
    open: Object.fromEntries(TIERS.map((tier) => [tier, openIn(tier)])) as ReportCounts['open'],
  };
}
