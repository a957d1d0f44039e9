import { matchesHeadTag } from './head-tag.ts';

const MOST_SAMPLES = 64;

/** One sample of each kind of tag character. */
const CHARACTERS = ['a', '0', 'A', '-', '.', '_'];

/** No tag is longer: https://github.com/opencontainers/distribution-spec/blob/main/spec.md */
const LONGEST_TAG = 128;

/**
 * Some short tags that a head tag pattern matches: one for each alternative, with and without optional parts. They show
 * the shape of the tags, not all of them.
 * @param pattern one that passes `headTagProblem`
 */
export function sampleTags(pattern: string): readonly string[] {
  const samples = new PatternReader(pattern.slice(1, -1)).alternatives();
  return [...new Set(samples)].filter((tag) => tag !== '' && matchesHeadTag(pattern, tag));
}

/** Reads a regular expression from left to right and builds texts that match it. */
class PatternReader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#tokens = source.match(TOKENS) ?? [];
  }

  alternatives(): readonly string[] {
    const all = [...this.#sequence()];
    while (this.#tokens[this.#at] === '|') {
      this.#at += 1;
      all.push(...this.#sequence());
    }
    return all.slice(0, MOST_SAMPLES);
  }

  #sequence(): readonly string[] {
    let texts: readonly string[] = [''];
    for (let token = this.#tokens[this.#at]; token !== undefined && token !== '|' && token !== ')'; ) {
      this.#at += 1;
      const samples = this.#repeated(this.#atom(token));
      texts = texts.flatMap((text) => samples.map((sample) => text + sample)).slice(0, MOST_SAMPLES);
      token = this.#tokens[this.#at];
    }
    return texts;
  }

  #atom(token: string): readonly string[] {
    if (!token.startsWith('(')) return charactersOf(token);
    const samples = this.alternatives();
    this.#at += 1;
    return ASSERTION.test(token) ? [''] : samples;
  }

  #repeated(samples: readonly string[]): readonly string[] {
    const [, fewest] = QUANTIFIER.exec(this.#tokens[this.#at] ?? '') ?? [];
    if (fewest === undefined) return samples;
    this.#at += 1;
    const count = fewest === '+' ? 1 : Number.parseInt(fewest.slice(1), 10) || 0;
    if (count === 0) return ['', ...samples];
    return count > LONGEST_TAG ? [] : samples.map((sample) => sample.repeat(count));
  }
}

/** As in `head-tag.ts`: a group's start, a class, an escape, a quantifier, or one character. */
const TOKENS =
  /\\(?:[pPu]\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|\(\?(?:[:=!]|<[=!]|<\w+>)|[*+?]\??|\{\d+,?\d*\}\??|[\s\S]/gu;
const QUANTIFIER = /^([*+?]|\{\d+)/;
const ASSERTION = /^\(\?<?[=!]/;

/** At most two characters for a class, an escape or a dot; a letter stands for itself. */
function charactersOf(token: string): readonly string[] {
  if (token.length === 1 && token !== '.') return [token];
  const matches = new RegExp(`^${token}$`, 'u');
  const usual = CHARACTERS.filter((character) => matches.test(character)).slice(0, 2);
  return usual.length > 0 ? usual : [...token].filter((character) => matches.test(character)).slice(0, 1);
}
