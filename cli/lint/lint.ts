import {
  type DockerfileFinding,
  judgeDockerfile,
  unknownParent,
} from '../../shared/domain/dockerfile/judge-dockerfile.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { dockerfilesIn } from './dockerfiles.ts';

export interface LintFinding extends DockerfileFinding {
  /** Relative to the folder. */
  readonly file: string;
}

export interface LintResult {
  readonly files: readonly string[];
  readonly findings: readonly LintFinding[];
}

/**
 * Judges the Dockerfiles below a folder by a policy.
 * @throws UsageError if there is no such folder
 */
export async function lint(place: string, policy: Policy): Promise<LintResult> {
  const found = await dockerfilesIn(place);
  const findings = found.flatMap((file) => {
    const judged =
      'text' in file
        ? judgeDockerfile(file.text, policy)
        : [
            {
              line: 1,
              ...unknownParent(`The file is not judged: ${file.problem}.`, 'Make it a file that can be read.'),
            },
          ];
    return judged.map((finding) => ({ file: file.path, ...finding }));
  });
  return { files: found.map(({ path }) => path), findings };
}
