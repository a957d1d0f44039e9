import { matchesGlob } from '../common/glob.ts';

/**
 * How a registry scans the images of one repository. `basic` Amazon ECR scans, on request too · `continuous` Amazon
 * Inspector watches each image · `on-push` Amazon Inspector scans each image once · `off` no rule fits, so nothing
 * scans it and it takes no request.
 */
export type RepositoryScanning = 'basic' | 'continuous' | 'on-push' | 'off';

/** The scanning configuration of a registry; the rules of basic scanning say only what a push scans, so they are left out. */
export interface RegistryScanning {
  readonly type: 'basic' | 'enhanced';
  readonly rules: readonly {
    readonly frequency: 'continuous' | 'on-push';
    readonly filters: readonly string[];
  }[];
}

/**
 * Whether a filter of a registry fits a repository: one without `*` fits each name that contains it.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
 */
export const fitsFilter = (filter: string, repository: string): boolean =>
  filter.includes('*') ? matchesGlob(filter, repository) : repository.includes(filter);

/**
 * How a registry scans a repository. Of two rules that fit, continuous scanning applies.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
 */
export function scanningOf({ type, rules }: RegistryScanning, repository: string): RepositoryScanning {
  if (type === 'basic') return 'basic';
  const fitting = rules.filter(({ filters }) => filters.some((filter) => fitsFilter(filter, repository)));
  if (fitting.some(({ frequency }) => frequency === 'continuous')) return 'continuous';
  return fitting.length > 0 ? 'on-push' : 'off';
}

/** Whether Amazon Inspector scans it by itself: no scan is requested there. */
export const isInspected = (scanning: RepositoryScanning | undefined): boolean =>
  scanning === 'continuous' || scanning === 'on-push';
