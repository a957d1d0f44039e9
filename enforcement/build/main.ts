/**
 * `npm run enforcement:build -- POLICY.yaml ...`: manifests for doors, from the policy; `--help` lists the options. Writes
 * nothing if any part of it is wrong.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT, UsageError } from '../../cli/errors.ts';
import { usageHelp } from '../../cli/help.ts';
import { endIfUnwritable, print, printError } from '../../cli/output.ts';
import { policyIn } from '../../cli/policy/policy-file.ts';
import { SHARD_COUNTS, type ShardCount } from '../../shared/domain/admission/allowed-images.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { buildFiles, folderOf } from './build-files.ts';
import { askedDoors, clusterDoors, pinningDoors } from './door-modes.ts';
import { pathKeyIn } from './path-key.ts';

const PROGRAM = 'npm run enforcement:build --';

const HELP = usageHelp(PROGRAM, {
  synopsis: 'POLICY.yaml [--out DIR] [--cluster ACCOUNT/REGION/NAME]... [--webhook-url URL --key FILE] [--shards 1|16]',
  summary:
    'Writes the files that enforce the doors of a policy: of the API server, Gatekeeper, the webhook, Custodian and cfn-guard. Writes nothing if any part of the policy is wrong. Exit codes: 0 written, 1 failed, 2 usage error.',
  argumentHelp: { 'POLICY.yaml': 'the policy; its "doors" say what is enforced where' },
  optionHelp: {
    'out DIR': 'the folder to write into (default: enforcement-manifests)',
    'cluster ACCOUNT/REGION/NAME': 'also write the files of this cluster of EKS; give it once a cluster',
    'webhook-url URL': 'the output WebhookUrl of doors.yaml; needs --key and --cluster',
    'key FILE': 'the private key that signs the paths of the webhook; "docs/doors.md" says how to make one',
    'shards 1|16': 'how many parts the list of allowed images has (default: 16)',
  },
});

interface Asked {
  readonly file: string;
  readonly out: string;
  readonly clusters: readonly Cluster[];
  readonly shardCount: ShardCount;
  /** The URL of the stack, and the file with the key that signs paths. */
  readonly webhook?: { readonly url: string; readonly keyFile: string } | undefined;
}

/** @returns `undefined` if the usage was asked for */
function asked(args: readonly string[]): Asked | undefined {
  const { values, positionals } = parsed(args);
  if (values.help) return undefined;
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError(`Give one policy; ${PROGRAM} --help says how.`);
  // An empty variable of a shell is no choice of the folder in which the command runs.
  if (values.out === '') throw new UsageError('--out is empty. Name a folder, such as --out enforcement-manifests.');
  const shardCount = SHARD_COUNTS.find((count) => String(count) === values.shards);
  if (shardCount === undefined) throw new UsageError(`--shards must be ${SHARD_COUNTS.join(' or ')}.`);
  const clusters = values.cluster.map(clusterIn);
  return {
    file,
    out: values.out,
    clusters,
    shardCount,
    webhook: webhookIn(values['webhook-url'], values.key, clusters),
  };
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
        key: { type: 'string' },
        shards: { type: 'string', default: '16' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    // Node.js adds advice on arguments that begin with a dash.
    const [problem = ''] = (cause instanceof Error ? cause.message : String(cause)).split('. ');
    throw new UsageError(`${problem.replaceAll('\n', ' ')}; ${PROGRAM} --help lists the options.`, { cause });
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
function webhookIn(
  text: string | undefined,
  keyFile: string | undefined,
  clusters: readonly Cluster[],
): Asked['webhook'] {
  if (text === undefined) {
    if (keyFile !== undefined) throw new UsageError('--key signs the paths of a webhook. Name it with --webhook-url.');
    return undefined;
  }
  const url = URL.canParse(text) ? new URL(text).origin : undefined;
  // The text is not repeated: in version 0.2.0 it had a secret.
  if (url === undefined || !url.startsWith('https://') || text.replace(/\/$/, '') !== url)
    throw new UsageError('--webhook-url must be https://HOST, as the output WebhookUrl of doors.yaml is.');
  if (!keyFile)
    throw new UsageError(
      'Add --key FILE: the private key that signs the paths of the webhook. docs/doors.md makes one.',
    );
  if (clusters.length === 0)
    throw new UsageError('Add --cluster ACCOUNT/REGION/NAME: the URL of a webhook names its cluster.');
  if (new Set(clusters.map(({ region }) => region)).size > 1)
    throw new UsageError('A webhook is for the clusters of its Region. Build those of each Region on their own.');
  return { url, keyFile };
}

async function main(args: readonly string[]): Promise<void> {
  const found = asked(args);
  if (!found) {
    print(HELP);
    return;
  }
  const { file, out, webhook: given, ...options } = found;
  const key = given && (await pathKeyIn(given.keyFile));
  const webhook = given && key && { url: given.url, sign: key.sign };
  const policy = await policyIn(file);
  const files = buildFiles(policy, { ...options, webhook });
  // From here on a failure may leave some of the files.
  advice = `Not every file was written into ${out}.`;
  for (const [path, text] of files) {
    await write(join(out, path), text);
  }
  print(`${counted(files.size, 'file')} written into ${out}:`);
  const paths = [...files.keys()];
  for (const path of paths) print(`  ${path}${coverageIn(policy, options.clusters, path)}`);
  for (const line of unanswered(paths, policy, options.clusters)) print(line);
  if (key)
    print(
      `The paths of webhook.yaml are signed. PathPublicKey of doors.yaml, or NextPathPublicKey, must be ${key.publicKey}`,
    );
  for (const cluster of options.clusters.filter((one) => !paths.some((path) => path.startsWith(`${folderOf(one)}/`))))
    print(
      `Every mode in ${cluster.account}/${cluster.region}/${cluster.cluster} is off, so it gets no file. Delete there what an earlier run made: docs/doors.md says how.`,
    );
}

/** The files that decide by namespace. */
const DECIDING = /\/(?:admission-policies|gatekeeper|webhook)\.yaml$/;

/** Which namespaces a file covers. */
function coverageIn({ doors }: Policy, clusters: readonly Cluster[], path: string): string {
  if (!doors || !DECIDING.test(path)) return '';
  const cluster = clusters.find((one) => path.startsWith(`${folderOf(one)}/`));
  const { coverage } = path.endsWith('/webhook.yaml') ? askedDoors(doors, cluster) : clusterDoors(doors, cluster);
  return `: ${coverage}`;
}

/** What starts while nothing answers, by file. */
function unanswered(paths: readonly string[], { doors }: Policy, clusters: readonly Cluster[]): readonly string[] {
  const written = (name: string): boolean => paths.some((path) => path.endsWith(`/${name}`));
  const modes = new Set(clusters.flatMap((one) => (doors ? [...askedDoors(doors, one).modes] : [])));
  return [
    ...(written('webhook.yaml') && modes.has('deny')
      ? ['While the webhook cannot be asked, webhook.yaml refuses each new pod where it denies.']
      : []),
    ...(written('webhook.yaml') && modes.has('deny-open')
      ? [
          'While the webhook cannot be asked, webhook.yaml starts every image where the policy has onUnreachable: allow. Who can keep the webhook from answering can start any image there.',
        ]
      : []),
    ...(written('webhook.yaml') && clusters.some((one) => doors && pinningDoors(doors, one).modes.has('deny'))
      ? [
          'webhook.yaml has the digests of tags written into pods, where the policy has pinTags. Delete the MutatingWebhookConfiguration patchwave if you take that back.',
        ]
      : []),
    ...(written('gatekeeper.yaml')
      ? [
          'gatekeeper.yaml cannot say what starts while Gatekeeper is down: its own webhook configuration does. It starts every image, unless Gatekeeper is installed with validatingWebhookFailurePolicy=Fail.',
        ]
      : []),
  ];
}

/** The place cannot have such a file: there is one in place of a folder, a folder in its place, or no right to write. */
class UnwritableError extends Error {
  override readonly name = 'UnwritableError';
  constructor(path: string, cause: NodeJS.ErrnoException) {
    super(`${path} cannot be written (${cause.code ?? cause.message}). Give another folder with --out.`, { cause });
  }
}

/** @throws UnwritableError */
async function write(path: string, text: string): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await writeFile(path, text);
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
