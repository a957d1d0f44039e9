import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Capability,
  type CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  paginateDescribeStackEvents,
  type Stack,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';

const CAPABILITIES: Capability[] = ['CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND'];
const POLL_MS = 200;
const LIMIT_MS = 120_000;
/** What CloudFormation says of a template and parameters that the stack has already. */
const NOTHING_TO_UPDATE = 'No updates are to be performed.';

/** A stack did not come up; the message holds the reason of each resource that failed. */
export class StackError extends Error {
  override readonly name = 'StackError';
}

export interface StackOptions {
  readonly name: string;
  readonly template: { readonly url: string } | { readonly body: string };
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Creates a stack and waits until it is complete. Gives back its outputs by name.
 * @throws StackError
 */
export async function createStack(
  client: CloudFormationClient,
  { name, template, parameters }: StackOptions,
): Promise<Record<string, string>> {
  await client.send(
    new CreateStackCommand({
      StackName: name,
      ...('url' in template ? { TemplateURL: template.url } : { TemplateBody: template.body }),
      Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
      Capabilities: CAPABILITIES,
      Tags: [{ Key: 'application', Value: 'patchwave' }],
    }),
  );
  const stack = await whenSettled(client, name);
  if (stack.StackStatus !== 'CREATE_COMPLETE') throw await stackError(client, stack);
  return outputsOf(stack);
}

/**
 * Gives a stack another template, and parameters new values, and waits until that is complete. A parameter that is left out
 * keeps its value, and a stack that has all that already stays as it is, as with `sam deploy`. Gives back the outputs by name.
 * @throws StackError
 */
export async function updateStack(
  client: CloudFormationClient,
  { name, template, parameters }: StackOptions,
): Promise<Record<string, string>> {
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
  const kept = (Stacks[0]?.Parameters ?? []).flatMap(({ ParameterKey = '' }) =>
    parameters[ParameterKey] === undefined ? [{ ParameterKey, UsePreviousValue: true }] : [],
  );
  const given = Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue }));
  const isCurrent = await client
    .send(
      new UpdateStackCommand({
        StackName: name,
        ...('url' in template ? { TemplateURL: template.url } : { TemplateBody: template.body }),
        Parameters: [...kept, ...given],
        Capabilities: CAPABILITIES,
      }),
    )
    .then(
      () => false,
      (error: Error) => {
        if (error.message === NOTHING_TO_UPDATE) return true;
        throw error;
      },
    );
  const stack = await whenSettled(client, name);
  if (!isCurrent && stack.StackStatus !== 'UPDATE_COMPLETE') throw await stackError(client, stack);
  return outputsOf(stack);
}

/**
 * Gives parameters of a stack new values, by the template that it has, and waits until that is complete.
 * @throws StackError
 */
export async function changeParameters(
  client: CloudFormationClient,
  name: string,
  changed: Readonly<Record<string, string>>,
): Promise<void> {
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
  const Parameters = (Stacks[0]?.Parameters ?? []).map(({ ParameterKey = '' }) => {
    const ParameterValue = changed[ParameterKey];
    return ParameterValue === undefined ? { ParameterKey, UsePreviousValue: true } : { ParameterKey, ParameterValue };
  });
  await client.send(
    new UpdateStackCommand({ StackName: name, UsePreviousTemplate: true, Parameters, Capabilities: CAPABILITIES }),
  );
  const stack = await whenSettled(client, name);
  if (stack.StackStatus !== 'UPDATE_COMPLETE') throw await stackError(client, stack);
}

const outputsOf = ({ Outputs = [] }: Stack): Record<string, string> =>
  Object.fromEntries(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));

async function whenSettled(client: CloudFormationClient, name: string): Promise<Stack> {
  const giveUpAtEpochMs = Date.now() + LIMIT_MS;
  for (;;) {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    const [stack] = Stacks;
    if (stack && !stack.StackStatus?.endsWith('_IN_PROGRESS')) return stack;
    if (Date.now() > giveUpAtEpochMs)
      throw new StackError(`Stack ${name} is not complete after ${LIMIT_MS / 1000} s. Check its events.`);
    await sleep(POLL_MS);
  }
}

async function stackError(client: CloudFormationClient, stack: Stack): Promise<StackError> {
  const reasons: string[] = [];
  for await (const { StackEvents = [] } of paginateDescribeStackEvents({ client }, { StackName: stack.StackName })) {
    for (const event of StackEvents) {
      if (event.ResourceStatus?.endsWith('_FAILED'))
        reasons.push(
          `  ${event.LogicalResourceId} (${event.ResourceType}): ${event.ResourceStatusReason ?? 'no reason given'}`,
        );
    }
  }
  const why = reasons.length > 0 ? reasons.reverse() : [`  ${stack.StackStatusReason ?? 'no reason given'}`];
  return new StackError(
    `The stack ${stack.StackName} is ${stack.StackStatus}. Correct the template and deploy again:\n${why.join('\n')}`,
  );
}
