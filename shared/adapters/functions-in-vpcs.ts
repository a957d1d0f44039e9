import { InvokeCommand, type InvokeCommandOutput, type LambdaClient } from '@aws-sdk/client-lambda';
import { cutText } from '../domain/common/cut-text.ts';
import {
  type ClusterList,
  type ClusterPageRequest,
  clusterPageAnswer,
  type FactsOf,
  hasTooManyContainers,
} from '../domain/image/cluster-facts.ts';
import { isTemplateList } from '../domain/image/kubernetes-template.ts';
import type { Cluster } from '../domain/image/usage.ts';
import {
  ClusterFailingError,
  ClusterFunctionError,
  ClusterInVpcError,
  ClusterUnfinishedError,
} from '../ports/cluster-errors.ts';
import type { ClusterPage, ClusterPages, PageRead } from '../ports/cluster-pages.ts';
import type { Retry } from '../ports/retry.ts';
import * as v from '../schema.ts';
import { fullJitter } from './backoff.ts';
import type { RegionalClients } from './clients.ts';
import type { FunctionsInVpcs } from './eks-workloads.ts';
import { isNamed, isRefusal } from './refusal.ts';

interface Options {
  readonly clients: RegionalClients<LambdaClient>;
  /** The functions of an account have its name, a hyphen and the id of their VPC: `PatchwaveRead-vpc-0123456789abcdef0`. */
  readonly prefix: string;
  readonly retry?: Retry;
  /**
   * Nodes and owners stay in memory while the pods are read: the most bytes of answers with them, of all clusters that are
   * read at the same time.
   */
  readonly mostHeldBytes?: number;
}

/** For what the SDK does not try again: an error of the function, and a function that is being updated. */
const RETRY = fullJitter({ attempts: 3, firstMs: 500 });
const MOST_HELD_BYTES = 32 * 1024 ** 2;
/** https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
const FUNCTION_NAME = /^[\w-]{1,64}$/;
const LONGEST_DETAIL = 300;

/** The functions of member-vpc.yaml, called with the read role of their account. */
export class LambdaFunctionsInVpcs implements FunctionsInVpcs {
  readonly #options: Options;
  readonly #held: Held = { bytes: 0 };

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws ClusterFunctionError */
  async find(cluster: Cluster, vpcId: string, signal?: AbortSignal): Promise<ClusterPages | undefined> {
    const { clients, prefix, retry = RETRY, mostHeldBytes = MOST_HELD_BYTES } = this.#options;
    const name = `${prefix}-${vpcId}`;
    if (!FUNCTION_NAME.test(name)) return undefined;
    const called = { client: clients(cluster), cluster, name, ...(signal && { signal }) };
    try {
      await invoke(called, { InvocationType: 'DryRun' });
    } catch (error) {
      // The member stack does not allow it, or the function is not deployed.
      if (isRefusal(error) || isNamed(error, 'ResourceNotFoundException')) return undefined;
      throw failure(called, error);
    }
    return new FunctionPages(called, { retry, mostHeldBytes, held: this.#held });
  }
}

interface Called {
  readonly client: LambdaClient;
  readonly cluster: Cluster;
  readonly name: string;
  readonly signal?: AbortSignal;
}

const invoke = (
  { client, name, signal }: Called,
  input: { readonly InvocationType?: 'DryRun'; readonly Payload?: Uint8Array },
): Promise<InvokeCommandOutput> =>
  client.send(new InvokeCommand({ FunctionName: name, ...input }), { ...(signal && { abortSignal: signal }) });

function failure({ cluster, name, signal }: Called, error: unknown): Error {
  if (signal?.aborted) return new ClusterUnfinishedError(cluster);
  return new ClusterFunctionError(cluster, name, `cannot be called: ${detailOf(error)}`, error);
}

const detailOf = (error: unknown): string =>
  cutText(error instanceof Error ? `${error.name}: ${error.message}` : String(error), LONGEST_DETAIL);

/** Pods and templates are dropped page by page; nodes and owners stay until the pods are read. */
const isHeld = (list: ClusterList): boolean => list !== 'pods' && !isTemplateList(list);

/** The answers with nodes and owners of all clusters that are read now. */
interface Held {
  bytes: number;
}

interface Limits {
  readonly retry: Retry;
  readonly mostHeldBytes: number;
  readonly held: Held;
}

/** The lists of a cluster by the function in its VPC. What that answers is input of another account. */
class FunctionPages implements ClusterPages {
  readonly #called: Called;
  readonly #limits: Limits;
  readonly #bytes = new Map<ClusterList, number>();

  constructor(called: Called, limits: Limits) {
    this.#called = called;
    this.#limits = limits;
  }

  async page<List extends ClusterList>(
    list: List,
    { limit, token, name }: PageRead,
  ): Promise<ClusterPage<FactsOf[List]> | 'too-large'> {
    const { cluster } = this.#called;
    const request: ClusterPageRequest = {
      ...{ cluster: cluster.cluster, list, limit },
      ...(token !== undefined && { token }),
      ...(name !== undefined && { name }),
    };
    const text = await this.#answer(request);
    if (isHeld(list)) this.#count(list, token === undefined, text.length);
    const parsed = v.safeParse(clusterPageAnswer(list, limit), jsonOf(text), { abortEarly: true });
    if (!parsed.success) {
      const problems = parsed.problems.map((problem) => v.problemText(problem)).join('; ');
      throw this.#broken(`gave an answer that is not valid: ${cutText(problems, LONGEST_DETAIL)}`);
    }
    const answer = parsed.data;
    if (answer.outcome === 'failed') throw new ClusterInVpcError(cluster, answer);
    if (answer.outcome === 'too-large' || hasTooManyContainers(answer.facts)) return 'too-large';
    const { outcome: _, ...page } = answer;
    return page;
  }

  close(): void {
    for (const bytes of this.#bytes.values()) this.#limits.held.bytes -= bytes;
    this.#bytes.clear();
  }

  /** Memory has an end, also where another account sends page after page. */
  #count(list: ClusterList, isFirst: boolean, bytes: number): void {
    const { held, mostHeldBytes } = this.#limits;
    const before = this.#bytes.get(list) ?? 0;
    const sum = (isFirst ? 0 : before) + bytes;
    this.#bytes.set(list, sum);
    held.bytes += sum - before;
    if (held.bytes > mostHeldBytes)
      throw new ClusterFailingError(
        this.#called.cluster,
        `with its list of ${list}, nodes and owners of the clusters in VPCs are larger than ${mostHeldBytes} bytes`,
      );
  }

  /** A page may be asked for again: reading changes nothing. */
  async #answer(request: ClusterPageRequest): Promise<string> {
    const { retry } = this.#limits;
    const Payload = new TextEncoder().encode(JSON.stringify(request));
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= retry.attempts;
      try {
        const { FunctionError, Payload: answered } = await invoke(this.#called, { Payload });
        const text = new TextDecoder().decode(answered);
        if (FunctionError === undefined) return text;
        if (isLast) throw this.#broken(`failed: ${functionErrorIn(text)}`);
      } catch (error) {
        if (error instanceof ClusterFunctionError) throw error;
        if (isLast || !isNamed(error, 'ResourceConflictException')) throw failure(this.#called, error);
      }
      await retry.wait(attempt);
    }
  }

  #broken(problem: string): ClusterFunctionError {
    return new ClusterFunctionError(this.#called.cluster, this.#called.name, problem);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const functionError = v.object({
  errorType: v.optional(v.string(), 'Error'),
  errorMessage: v.optional(v.string(), ''),
});

/** https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html */
function functionErrorIn(text: string): string {
  const parsed = v.safeParse(functionError, jsonOf(text));
  if (!parsed.success) return 'with an error of unknown kind';
  const { errorType, errorMessage } = parsed.data;
  return cutText(`${errorType}: ${errorMessage}`, LONGEST_DETAIL);
}
