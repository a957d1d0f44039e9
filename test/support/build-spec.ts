/** Runs the build of a CodeBuild project for real: the commands of its build specification. */

import { spawn } from 'node:child_process';
import { parse } from 'yaml';
import * as v from '../../shared/schema.ts';
import type { Ended } from './buildah.ts';

const commands = v.object({ commands: v.array(v.text()) });
const buildSpecSchema = v.object({
  version: v.literal(0.2),
  phases: v.object({ install: v.optional(commands), build: commands }),
});

export interface BuildSpecRun {
  /** The folder of the source. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The commands of the build phase, as YAML has them. @throws SchemaError if the specification is another one */
export const buildCommands = (buildSpec: string): readonly string[] =>
  v.parse(buildSpecSchema, parse(buildSpec)).phases.build.commands;

/** Runs the build phase as CodeBuild does: all commands in one shell, to the first one that fails. */
export function runBuildPhase(buildSpec: string, { folder, env }: BuildSpecRun): Promise<Ended> {
  const child = spawn('sh', ['-e', '-c', buildCommands(buildSpec).join('\n')], { cwd: folder, env });
  const written = { stdout: '', output: '' };
  child.stdout.on('data', (piece: Buffer) => {
    written.stdout += piece;
    written.output += piece;
  });
  child.stderr.on('data', (piece: Buffer) => {
    written.output += piece;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ status: code ?? -1, ...written }));
  });
}
