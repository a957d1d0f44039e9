// node scripts/run.mjs [--with=cloud,lint | --here] FILE [ARGUMENTS...]
// Sets the project up if necessary, then runs FILE on the project's own Node.js with the exit code of FILE.
// With --here FILE runs in the folder in which the person called npm, so that paths are relative to it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installNodePackages, installPythonPackages, NODE, ROOT } from './setup.mjs';

const [first, ...others] = process.argv.slice(2);
const environments = first?.startsWith('--with=') ? first.slice('--with='.length).split(',') : [];
const isHere = first === '--here';
const [file, ...args] = environments.length > 0 || isHere ? others : [first, ...others];
const cwd = isHere ? (process.env.INIT_CWD ?? process.cwd()) : ROOT;

try {
  installNodePackages();
  for (const name of environments) installPythonPackages(name);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

const child = spawn(NODE, [join(ROOT, file), ...args], { cwd, stdio: 'inherit' });
// A terminal's Ctrl-C reaches the child too. This process stays until the child's clean-up ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT') child.kill(signal);
  });
}
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
