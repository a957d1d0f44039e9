/**
 * `npm run enforcement:build -- POLICY.yaml [--out DIR] [--cluster ACCOUNT/REGION/NAME]... [--webhook-url URL] [--shards 1|16]`: manifests for doors
 * that cannot ask Patchwave, from the policy. Writes nothing if any part of it is wrong.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT, UsageError } from '../../cli/errors.ts';
import { endIfUnwritable, print, printError } from '../../cli/output.ts';
import { policyIn } from '../../cli/policy/policy-file.ts';
import { SHARD_COUNTS, type ShardCount } from '../../shared/domain/admission/allowed-images.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { buildFiles, folderOf } from './build-files.ts';

const USAGE =
  'npm run enforcement:build -- POLICY.yaml [--out DIR] [--cluster ACCOUNT/REGION/NAME]... [--webhook-url URL] [--shards 1|16]';

interface Asked {
  readonly file: string;
  readonly out: string;
  readonly clusters: readonly Cluster[];
  readonly shardCount: ShardCount;
  readonly webhookUrl?: string | undefined;
}

/** @returns `undefined` if the usage was asked for */
function asked(args: readonly string[]): Asked | undefined {
  const { values, positionals } = parsed(args);
  if (values.help) return undefined;
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError(`Give one policy: ${USAGE}`);
  // An empty variable of a shell is no choice of the folder in which the command runs.
  if (values.out === '') throw new UsageError('--out is empty. Name a folder, such as --out enforcement-manifests.');
  const shardCount = SHARD_COUNTS.find((count) => String(count) === values.shards);
  if (shardCount === undefined) throw new UsageError(`--shards must be ${SHARD_COUNTS.join(' or ')}.`);
  const clusters = values.cluster.map(clusterIn);
  return { file, out: values.out, clusters, shardCount, webhookUrl: webhookUrlIn(values['webhook-url'], clusters) };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        out: { type: 'string', default: 'enforcement-manifests' },
        cluster: { type: 'string', multiple: true, default: [] },
        'webhook-url': { type: 'string' },
        shards: { type: 'string', default: '16' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    // Node.js adds advice on arguments that begin with a dash.
    const [problem = ''] = (cause instanceof Error ? cause.message : String(cause)).split('. ');
    throw new UsageError(`${problem.replaceAll('\n', ' ')}. Usage: ${USAGE}`, { cause });
  }
}

/** An EKS or ECS cluster's name, which is also a folder here. */
const CLUSTER =
  /^(?<account>\d{12})\/(?<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)\/(?<cluster>[A-Za-z0-9][A-Za-z0-9_-]{0,254})$/;

function clusterIn(text: string): Cluster {
  const { account, region, cluster } = CLUSTER.exec(text)?.groups ?? {};
  if (account === undefined || region === undefined || cluster === undefined)
    throw new UsageError(`"${shortened(text)}" names no cluster. Write --cluster ACCOUNT/REGION/NAME.`);
  return { account, region, cluster };
}

const LONGEST_WORD = 120;

const shortened = (text: string): string =>
  text.length > LONGEST_WORD ? `${text.slice(0, LONGEST_WORD)}... (${text.length} characters)` : text;

/** @throws UsageError if it is no such URL, or if it would not be clear which clusters it is for */
function webhookUrlIn(text: string | undefined, clusters: readonly Cluster[]): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The text is not repeated: it has the secret.
  if (!url || text !== `https://${url.host}${url.pathname}` || !/^\/[\w-]+$/.test(url.pathname))
    throw new UsageError(
      '--webhook-url must be https://HOST/SECRET, as the output WebhookUrl of doors.yaml with the secret.',
    );
  if (clusters.length === 0)
    throw new UsageError('Add --cluster ACCOUNT/REGION/NAME: the URL of a webhook names its cluster.');
  if (new Set(clusters.map(({ region }) => region)).size > 1)
    throw new UsageError('A webhook is for the clusters of its Region. Build those of each Region on their own.');
  return text;
}

async function main(args: readonly string[]): Promise<void> {
  const found = asked(args);
  if (!found) {
    print(`Usage: ${USAGE}`);
    return;
  }
  const { file, out, ...options } = found;
  const files = buildFiles(await policyIn(file), options);
  // From here on a failure may leave some of the files.
  advice = `Not every file was written into ${out}.`;
  for (const [path, text] of files) {
    await write(join(out, path), text, path.endsWith('/webhook.yaml'));
  }
  print(`${counted(files.size, 'file')} written into ${out}:`);
  for (const path of files.keys()) print(`  ${path}`);
  const paths = [...files.keys()];
  for (const cluster of options.clusters.filter((one) => !paths.some((path) => path.startsWith(`${folderOf(one)}/`))))
    print(
      `Every mode in ${cluster.account}/${cluster.region}/${cluster.cluster} is off, so it gets no file. Delete there what an earlier run made: docs/doors.md says how.`,
    );
}

/** The place cannot have such a file: there is one in place of a folder, a folder in its place, or no right to write. */
class UnwritableError extends Error {
  override readonly name = 'UnwritableError';
  constructor(path: string, cause: NodeJS.ErrnoException) {
    super(`${path} cannot be written (${cause.code ?? cause.message}). Give another folder with --out.`, { cause });
  }
}

/** @throws UnwritableError */
async function write(path: string, text: string, isSecret: boolean): Promise<void> {
  try {
    await makeFolder(dirname(path));
    // Only its owner may read a secret: a file that is there keeps who may read it.
    if (isSecret) await rm(path, { force: true });
    await writeFile(path, text, isSecret ? { mode: 0o600 } : {});
  } catch (cause) {
    throw new UnwritableError(shortened(path), cause as NodeJS.ErrnoException);
  }
}

/** In place of `recursive: true`, which never ends for a folder such as `/proc/x`: Node.js makes its parent again and again. */
async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) await makeFolder(parent);
  try {
    await mkdir(path);
  } catch (cause) {
    // It may also be a file. Then writing into it fails.
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  }
}

endIfUnwritable();
let advice = 'Nothing was written.';
try {
  await main(process.argv.slice(2));
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  // What a person typed may have line ends; a list of problems has a line for each.
  printError(`${error instanceof UsageError ? visibleLine(text) : text} ${advice}`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
