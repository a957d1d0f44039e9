import * as v from 'valibot';

type Run = v.GenericSchema['~run'];
type Parsed = ReturnType<Run>;

/**
 * One of several forms. Of a value that fits none, the problems of the form that it comes closest to are told; where
 * it is not even of the kind of one, what it might have been.
 */
export function union<const Options extends v.UnionOptions>(options: Options) {
  const run: Run = (dataset, config) => {
    const failed: Parsed[] = [];
    for (const option of options) {
      const read = option['~run']({ value: dataset.value }, config);
      if (!read.issues) return read;
      failed.push(read);
    }
    return closest(failed);
  };
  const expects = `(${options.map((option) => option.expects).join(' | ')})`;
  const schema: unknown = { ...v.unknown(), type: 'union', expects, options, '~run': run };
  return schema as v.UnionSchema<Options, undefined>;
}

function closest(failed: readonly Parsed[]): Parsed {
  const typed = failed.filter((read) => read.typed);
  const candidates = typed.length > 0 ? typed : failed;
  const least = Math.min(...candidates.map(distance));
  const [best, ...rivals] = candidates.filter((read) => distance(read) === least);
  if (!best?.issues) throw new RangeError('A union of no forms fits nothing; give it one.');
  const [issue] = best.issues;
  if (issue.path) return best;
  const others = rivals.flatMap(({ issues }) => (issues ?? []).filter(({ path }) => !path));
  const message = [...new Set([issue, ...others].map((one) => one.message))].join(', or ');
  return { ...best, issues: [{ ...issue, message }] };
}

/**
 * A value of another kind is farthest from a form. A field that is not known tells that another form was meant; it
 * weighs more than a wrong value.
 */
const distance = ({ issues }: Parsed): number =>
  (issues ?? []).reduce((sum, { kind, path, expected }) => {
    if (kind === 'schema' && !path) return Number.POSITIVE_INFINITY;
    return sum + (expected === 'never' ? 10 : 1);
  }, 0);
