import * as v from 'valibot';
import { plainWords } from './problems.ts';
import { readAs } from './read-as.ts';

type Issues = readonly v.BaseIssue<unknown>[];

interface Failed {
  readonly option: v.GenericSchema;
  /** Of the right kind in all its parts, so that only rules refuse it. */
  readonly typed: boolean;
  readonly issues: Issues;
}

/**
 * One of several forms. If a value fits none, the problems of the closest form are reported; if it is not even of the
 * kind of one, the possible kinds. The library only says that no form fits.
 */
export const union = <const Options extends v.UnionOptions>(options: Options) =>
  readAs(v.union(options), (value) => {
    const failed: Failed[] = [];
    for (const option of options) {
      const { typed, issues } = v.safeParse(option, value, { message: plainWords });
      if (!issues) return option;
      failed.push({ option, typed: typed && !issues.some(isUnknownField), issues });
    }
    return closest(failed);
  });

function closest(failed: readonly Failed[]): v.GenericSchema {
  const typed = failed.filter((read) => read.typed);
  const candidates = typed.length > 0 ? typed : failed;
  const least = Math.min(...candidates.map(distance));
  const [best, ...rivals] = candidates.filter((read) => distance(read) === least);
  const [issue] = best?.issues ?? [];
  if (!best || !issue) throw new RangeError('A union needs at least one option.');
  if (issue.path) return best.option;
  const others = rivals.flatMap(({ issues }) => issues.filter(({ path }) => !path));
  const message = [...new Set([issue, ...others].map((one) => one.message))].join(', or ');
  return v.custom<never>(() => false, message);
}

const isUnknownField = ({ expected }: v.BaseIssue<unknown>): boolean => expected === 'never';

/**
 * A value of another kind is the farthest from a form. An unknown field points to another form, so it weighs more than
 * a wrong value.
 */
const distance = ({ issues }: Failed): number =>
  issues.reduce((sum, issue) => {
    if (issue.kind === 'schema' && !issue.path) return Number.POSITIVE_INFINITY;
    return sum + (isUnknownField(issue) ? 10 : 1);
  }, 0);
