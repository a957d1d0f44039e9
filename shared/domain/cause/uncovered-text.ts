import type { CauseFact } from './cause.ts';
import { isUncovered, type JudgedImage } from './fact-status.ts';

/**
 * Why images do not show that they lack a finding although their scans are complete, with the next step; `undefined` if
 * that is not so for any of them.
 */
export function uncoveredText(facts: readonly CauseFact[], images: readonly JudgedImage[]): string | undefined {
  for (const image of uncoveredIn(facts, images)) {
    const fact = facts.find((one) => isUncovered(one, image));
    if (fact?.kind === 'finding')
      return `the scan of ${image.digest} covers only packages of the operating system, so it does not show whether ${fact.vulnerability} in ${fact.package} ${fact.version} is gone. ${INSPECT}`;
  }
  return undefined;
}

/** The images whose scans are complete and do not show whether they have a fact, by digest. */
export const uncoveredIn = (facts: readonly CauseFact[], images: readonly JudgedImage[]): readonly JudgedImage[] =>
  images
    .filter((image) => facts.some((fact) => isUncovered(fact, image)))
    .sort((one, other) => (one.digest < other.digest ? -1 : 1));

/** The next step where a scan does not cover the packages of languages. */
export const INSPECT =
  'Turn on enhanced scanning, with Amazon Inspector, for a repository that has the image. It also covers packages of programming languages';
