import type { ECSClient } from '@aws-sdk/client-ecs';
import {
  type EventBridgeClient,
  ListEventBusesCommand,
  ListRuleNamesByTargetCommand,
  ListTargetsByRuleCommand,
  type Target,
} from '@aws-sdk/client-eventbridge';
import { collect, mapConcurrently } from '../concurrency.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';
import { ScopeUnreachableError } from '../ports/errors.ts';
import type { StarterSource, StartInCluster } from '../ports/starts.ts';
import type { RegionalClients } from './clients.ts';
import { clustersByArn, type NamedStart, startsOf } from './ecs-starts.ts';
import { isNamed, orUnreachable } from './refusal.ts';

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRuleNamesByTarget.html */
const A_PAGE = 100;
const CLUSTERS_AT_ONCE = 8;

export interface RuleClients {
  readonly events: RegionalClients<EventBridgeClient>;
  readonly ecs: RegionalClients<ECSClient>;
}

/**
 * The rules of Amazon EventBridge that run tasks of Amazon ECS, by a clock or by an event. The target of such a rule is the ARN of
 * the cluster. A disabled rule counts, because one call enables it. A rule has no date of its change, so the targets of each are
 * read.
 */
export class EcsRules implements StarterSource {
  readonly list = 'ecs-rules';
  readonly #clients: RuleClients;

  constructor(clients: RuleClients) {
    this.#clients = clients;
  }

  async starts(scope: Scope, clusters: readonly Cluster[]): Promise<readonly StartInCluster[]> {
    const byArn = clustersByArn(clusters);
    const named: NamedStart[] = [];
    for await (const bus of this.#buses(scope)) {
      for (const rule of await this.#rulesFor(scope, bus, byArn)) {
        const workload = bus === 'default' ? rule : `${bus}/${rule}`;
        for await (const { Arn = '', EcsParameters: { TaskDefinitionArn: taskDefinition } = {} } of this.#targets(
          scope,
          bus,
          rule,
        )) {
          const cluster = byArn.get(Arn);
          if (cluster && taskDefinition !== undefined) named.push({ cluster, workload, taskDefinition });
        }
      }
    }
    return startsOf(this.#clients.ecs, 'ecs-rule', named);
  }

  #buses(scope: Scope): AsyncIterable<string> {
    return this.#pages(scope, async (client, token) => {
      const { EventBuses = [], NextToken } = await client.send(new ListEventBusesCommand({ Limit: A_PAGE, ...token }));
      return [EventBuses.flatMap(({ Name }) => Name ?? []), NextToken];
    });
  }

  async #rulesFor(scope: Scope, EventBusName: string, clusters: ReadonlyMap<string, Cluster>) {
    const rules = await mapConcurrently([...clusters.keys()], CLUSTERS_AT_ONCE, (TargetArn) =>
      collect(
        this.#pages<string>(scope, async (client, token) => {
          const asked = new ListRuleNamesByTargetCommand({ TargetArn, EventBusName, Limit: A_PAGE, ...token });
          const { RuleNames = [], NextToken } = await client.send(asked);
          return [RuleNames, NextToken];
        }),
      ),
    );
    return new Set(rules.flat());
  }

  #targets(scope: Scope, EventBusName: string, Rule: string): AsyncIterable<Target> {
    return this.#pages(scope, async (client, token) => {
      const asked = new ListTargetsByRuleCommand({ Rule, EventBusName, Limit: A_PAGE, ...token });
      const { Targets = [], NextToken } = await client.send(asked);
      return [Targets, NextToken];
    });
  }

  /** Nothing of a bus or rule that was deleted since it was listed. */
  async *#pages<Item>(
    { account, region }: Scope,
    page: (client: EventBridgeClient, token: Token) => Promise<readonly [readonly Item[], string | undefined]>,
  ): AsyncIterable<Item> {
    const client = this.#clients.events({ account, region });
    const unreachable = (cause: Error): Error => new ScopeUnreachableError({ account, region }, cause);
    let token: Token = {};
    do {
      try {
        const [items, NextToken] = await orUnreachable(() => page(client, token), unreachable);
        yield* items;
        token = NextToken === undefined ? {} : { NextToken };
      } catch (error) {
        if (!isNamed(error, 'ResourceNotFoundException')) throw error;
        return;
      }
    } while (token.NextToken !== undefined);
  }
}

interface Token {
  readonly NextToken?: string;
}
