import './quiet.ts';
import { parseArgs } from 'node:util';
import { FEATURES, type Feature } from './features.ts';
import { type LifeResult, type Options, tell } from './story.ts';

/*
 * `node test/unit/truth/hunt.ts --seeds=1-200 [--drop=a,b] [--only=a,b] [--acts=N] [--shrink] [--trace]`: tells the stories of
 * some seeds and prints what the oracle found, with the smallest story that still shows it where asked.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1-20' },
    drop: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    force: { type: 'string', default: '' },
    acts: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const list = (text: string): Feature[] =>
  text.split(',').filter((one): one is Feature => FEATURES.includes(one as Feature));
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const [first = 1, last = first] = values.seeds.split('-').map(Number);
const options: Options = {
  drop: list(values.drop),
  force: list(values.force),
  ...(values.only && { from: list(values.only) }),
  ...(values.acts !== undefined && { acts: Number(values.acts) }),
};

/** Leaves out feature after feature, then acts from the end, as long as the same kind of violation is left. */
async function shrunk(result: LifeResult): Promise<{ readonly result: LifeResult; readonly options: Options }> {
  let best = { result, options };
  const isSame = ({ violations: [one] }: LifeResult): boolean => kindOf(one) === kindOf(result.violations[0]);
  for (const feature of FEATURES) {
    const tried = { ...best.options, drop: [...(best.options.drop ?? []), feature] };
    const again = await tell(result.seed, tried);
    if (isSame(again)) best = { result: again, options: tried };
  }
  for (let [low, high] = [0, 40]; low < high; ) {
    const acts = Math.floor((low + high) / 2);
    const tried = { ...best.options, acts };
    const again = await tell(result.seed, tried);
    if (isSame(again)) [best, high] = [{ result: again, options: tried }, acts];
    else low = acts + 1;
  }
  return best;
}

/** A violation without names and numbers. */
const kindOf = (text: string | undefined): string | undefined =>
  text
    ?.replaceAll(/\b(base|platform|app)-\d(-service-\d)?(#\d+(\.arm)?)?/g, '_')
    .replaceAll(/CVE-\d+-\d+|[\d:T-]{4,}|in \w+/g, '_')
    .slice(0, 80);

const occurred = new Map<string, number>();
const checks = new Map<string, number>();
const kinds = new Map<string, number[]>();
let [milliseconds, slowest] = [0, 0];
for (let seed = first; seed <= last; seed += 1) {
  let result = await tell(seed, options);
  milliseconds += result.milliseconds;
  slowest = Math.max(slowest, result.milliseconds);
  for (const feature of result.features.keys()) occurred.set(feature, (occurred.get(feature) ?? 0) + 1);
  for (const [check, count] of result.checks) checks.set(check, (checks.get(check) ?? 0) + count);
  const [violation] = result.violations;
  if (violation === undefined) {
    if (values.trace && first === last) print(result.trace.join('\n'));
    continue;
  }
  const kind = kindOf(violation) ?? '';
  kinds.set(kind, [...(kinds.get(kind) ?? []), seed]);
  print(`seed ${seed}: ${violation}`);
  if (values.shrink) {
    const small = await shrunk(result);
    result = small.result;
    const left = result.trace[0]?.replace(/^.*features: /, '').replaceAll(', ', ',');
    print(`  shows it: --seeds=${seed} --only=none --force=${left} --acts=${small.options.acts ?? 40}`);
  }
  if (values.trace) print(result.trace.join('\n'));
}
const seeds = last - first + 1;
print(`${seeds} seeds, ${Math.round(milliseconds / seeds)} ms each, the slowest ${Math.round(slowest)} ms`);
for (const [check, count] of checks) print(`  ${count} x ${check}`);
print(`  features: ${FEATURES.map((one) => `${one} ${occurred.get(one) ?? 0}`).join(', ')}`);
for (const [kind, of] of [...kinds].sort(([, one], [, other]) => other.length - one.length))
  print(`${of.length} x ${kind}: ${of.slice(0, 12).join(' ')}`);
