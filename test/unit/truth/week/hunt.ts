import '../quiet.ts';
import { parseArgs } from 'node:util';
import { tellWeek, type WeekResult } from './story.ts';
import { sumOf, sumText } from './sums.ts';

/*
 * `node test/unit/truth/week/hunt.ts --seeds=1-200 [--trace] [--rules]`: simulates the weeks of some seeds and prints what the oracle found.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1-20' },
    trace: { type: 'boolean', default: false },
    rules: { type: 'boolean' },
  },
});
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const [first = 1, last = first] = values.seeds.split('-').map(Number);

/** A violation without names, instants and numbers. */
const kindOf = (text: string): string => text.replace(/^\S+ /, '').replaceAll(/\([\w-]+-v\d\)|\d{4}-[\d:TZ.-]+/g, '_');

const kinds = new Map<string, { count: number; readonly seeds: Set<number> }>();
const results: WeekResult[] = [];
for (let seed = first; seed <= last; seed += 1) {
  const result = await tellWeek(seed, values.rules);
  results.push(result);
  for (const violation of result.violations) {
    const kind = kinds.get(kindOf(violation)) ?? { count: 0, seeds: new Set() };
    kind.count += 1;
    kind.seeds.add(seed);
    kinds.set(kindOf(violation), kind);
  }
  if (values.trace) print(result.trace.join('\n'));
}
print(sumText(sumOf(results)));
for (const [kind, { count, seeds }] of [...kinds].sort(([, one], [, other]) => other.count - one.count))
  print(`${count} x ${kind} [${[...seeds].slice(0, 5).join(' ')}]`);
