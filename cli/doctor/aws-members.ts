import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  type ECRClient,
  GetRegistryScanningConfigurationCommand,
  ListPullTimeUpdateExclusionsCommand,
} from '@aws-sdk/client-ecr';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetRoleCommand, IAMClient, NoSuchEntityException } from '@aws-sdk/client-iam';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import {
  ecrClients,
  ecsClients,
  eventClients,
  type HubConfig,
  type MemberAccess,
  memberAccess,
  organizationsClient,
  queueClient,
  type RegionalClients,
} from '../../shared/adapters/clients.ts';
import { OrganizationDirectory } from '../../shared/adapters/organization-directory.ts';
import { isRefusal } from '../../shared/adapters/refusal.ts';
import { collect } from '../../shared/concurrency.ts';
import { registryKey } from '../../shared/domain/image/image.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import { type ForwardingTest, forwardingTest } from '../../shared/events/forwarding-test.ts';
import type { IsOurs } from '../../shared/review/our-accounts.ts';
import * as v from '../../shared/schema.ts';
import { asking } from './asking.ts';
import { servicesOf, wasPaused } from './aws-services.ts';
import type {
  MixedPut,
  PullTimes,
  RoleDescription,
  ScanningDescription,
  ServiceHooks,
  StackDescription,
} from './installation.ts';
import type { DoctorPlace } from './places.ts';
import type { MemberReads } from './ports.ts';

const SESSION = 'patchwave-doctor';
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
const MESSAGES_A_CALL = 10;
const LONGEST_POLL_SECONDS = 5;
/** Events of another run become visible again after this time. */
const HIDDEN_SECONDS = 10;

/** A source that the bus policy does not list. The read role may send it, so only the bus can refuse it. */
const REFUSED_SOURCE = 'patchwave.refused';
const REPOSITORIES_READ = 10;
/** How long the command waits before it reads a pull time again. */
const PULL_RECORDED_MS = 5_000;

/** The credentials of one session with readers for members. */
interface Session {
  readonly hub: HubConfig;
  readonly access: MemberAccess;
  readonly directory: OrganizationDirectory;
  readonly ecr: RegionalClients<ECRClient>;
  readonly ecs: ReturnType<typeof ecsClients>;
  readonly events: ReturnType<typeof eventClients>;
  readonly sqs: SQSClient;
}

/** Reads members with the `doctor` role of the hub's stack. */
export class AwsMembers implements MemberReads {
  readonly #config: HubConfig;
  readonly #stack: StackDescription;
  readonly #isOurs: IsOurs;
  #begun: Session | undefined;

  /**
   * @param isOurs whether roles of an account may be assumed, by ledger and policy; accounts of the organization always
   * may
   */
  constructor(config: HubConfig, stack: StackDescription, isOurs: IsOurs) {
    this.#config = config;
    this.#stack = stack;
    this.#isOurs = isOurs;
  }

  async begin(): Promise<void> {
    const { outputs, parameters } = this.#stack;
    const { Credentials } = await asking('sts:AssumeRole', () =>
      new STSClient(this.#config).send(
        new AssumeRoleCommand({ RoleArn: outputs.DoctorRoleArn, RoleSessionName: SESSION }),
      ),
    );
    const {
      AccessKeyId: accessKeyId = '',
      SecretAccessKey: secretAccessKey = '',
      SessionToken = '',
    } = Credentials ?? {};
    const credentials = { accessKeyId, secretAccessKey, sessionToken: SessionToken };
    const hub: HubConfig = { ...this.#config, credentials };
    const [, partition = ''] = (outputs.DoctorRoleArn ?? '').split(':');
    const role = {
      partition,
      hub,
      sessionName: SESSION,
      roleName: parameters.ReadRoleName ?? '',
      externalId: parameters.ReadRoleExternalId ?? '',
    };
    const access: MemberAccess = memberAccess(
      role,
      async (account) => directory.hasListed(account) || this.#isOurs(account),
    );
    // Regions of accounts are not read here.
    const directory: OrganizationDirectory = new OrganizationDirectory(organizationsClient(hub), () => {
      throw new TypeError('Regions of accounts are not read here');
    });
    this.#begun = {
      ...{ hub, access, directory },
      ecr: ecrClients(access),
      ecs: ecsClients(access),
      events: eventClients(access),
      sqs: queueClient(hub),
    };
  }

  get #session(): Session {
    if (!this.#begun) throw new TypeError('call begin() first');
    return this.#begun;
  }

  async organization(): Promise<readonly string[]> {
    const { directory } = this.#session;
    const accounts = await asking('organizations:ListAccounts', () => collect(directory.accounts()));
    return accounts.map(({ id }) => id);
  }

  async canRead(account: string): Promise<boolean> {
    try {
      await this.#session.access.credentials(account)();
      return true;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  }

  async role(account: string, RoleName: string): Promise<RoleDescription | undefined> {
    const { hub, access } = this.#session;
    const iam = new IAMClient({ ...hub, credentials: access.credentials(account) });
    try {
      const { Role } = await asking('iam:GetRole', () => iam.send(new GetRoleCommand({ RoleName })));
      return {
        // IAM encodes policies: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
        trust: decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''),
        tags: Object.fromEntries((Role?.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
      };
    } catch (error) {
      if (error instanceof NoSuchEntityException) return undefined;
      throw error;
    }
  }

  async scanning(place: Scope): Promise<ScanningDescription> {
    const { scanningConfiguration: { scanType, rules = [] } = {} } = await asking(
      'ecr:GetRegistryScanningConfiguration',
      () => this.#session.ecr(place).send(new GetRegistryScanningConfigurationCommand({})),
    );
    return {
      type: scanType === 'ENHANCED' ? 'enhanced' : 'basic',
      filters: rules.flatMap(({ repositoryFilters = [] }) => repositoryFilters.map(({ filter = '' }) => filter)),
    };
  }

  services(place: Scope): Promise<readonly ServiceHooks[]> {
    return servicesOf(this.#session.ecs(place));
  }

  wasPaused(place: Scope, service: ServiceHooks): Promise<boolean | undefined> {
    return wasPaused(this.#session.ecs(place), service);
  }

  async putTestEvent(place: Scope, test: string): Promise<void> {
    const { Entries = [] } = await asking('events:PutEvents', () =>
      this.#session.events(place).send(
        new PutEventsCommand({
          Entries: [
            {
              Source: forwardingTest.source,
              DetailType: forwardingTest.detailType,
              Detail: JSON.stringify({ test }),
            },
          ],
        }),
      ),
    );
    const [entry] = Entries;
    if (entry?.ErrorCode !== undefined)
      throw Object.assign(new Error(entry.ErrorMessage ?? 'EventBridge gave no reason'), { name: entry.ErrorCode });
  }

  async awaitTestEvents(keys: ReadonlySet<string>, test: string, seconds: number): Promise<ReadonlySet<string>> {
    const arrived = new Set<string>();
    const untilEpochMs = Date.now() + seconds * 1000;
    while (arrived.size < keys.size && Date.now() < untilEpochMs) {
      const leftSeconds = Math.ceil((untilEpochMs - Date.now()) / 1000);
      for (const event of await this.#takeTestEvents(test, leftSeconds)) {
        const key = registryKey(event);
        if (keys.has(key)) arrived.add(key);
      }
    }
    return arrived;
  }

  /** Removes the events of this test from the queue, and leaves all others. */
  async #takeTestEvents(test: string, longestSeconds: number): Promise<readonly ForwardingTest[]> {
    const QueueUrl = this.#stack.outputs.DoctorQueueUrl;
    const { sqs } = this.#session;
    const { Messages = [] } = await asking('sqs:ReceiveMessage', () =>
      sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: MESSAGES_A_CALL,
          WaitTimeSeconds: Math.min(LONGEST_POLL_SECONDS, longestSeconds),
          VisibilityTimeout: HIDDEN_SECONDS,
        }),
      ),
    );
    const read = Messages.flatMap(({ Body = '', ReceiptHandle }) => {
      const event = eventIn(Body);
      return event?.test === test ? [{ event, ReceiptHandle }] : [];
    });
    const Entries = read.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    // An event that stays expires after five minutes.
    if (Entries.length > 0)
      await asking('sqs:DeleteMessage', () => sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })));
    return read.map(({ event }) => event);
  }

  async putMixed(place: Scope, test: string): Promise<MixedPut> {
    const both = await this.#putOnHub(place, test, [forwardingTest.source, REFUSED_SOURCE]);
    if (both !== 'refused') {
      const [allowed, refused] = both;
      if (refused) return 'both-taken';
      return allowed ? 'entry-refused' : 'both-refused';
    }
    const alone = await this.#putOnHub(place, test, [forwardingTest.source]);
    return alone !== 'refused' && alone[0] ? 'whole-call-refused' : 'both-refused';
  }

  /** @returns for each source whether its event was accepted; `refused` if the whole call was */
  async #putOnHub(place: Scope, test: string, sources: readonly string[]): Promise<readonly boolean[] | 'refused'> {
    const Detail = JSON.stringify({ test });
    const Entries = sources.map((Source) => ({
      ...{ Source, Detail, DetailType: forwardingTest.detailType },
      EventBusName: this.#stack.outputs.BusArn,
    }));
    try {
      const put = await this.#session.events(place).send(new PutEventsCommand({ Entries }));
      return sources.map((_, at) => put.Entries?.[at]?.ErrorCode === undefined);
    } catch (error) {
      if (isRefusal(error)) return 'refused';
      throw error;
    }
  }

  async pullTime(place: DoctorPlace): Promise<PullTimes | undefined> {
    const ecr = this.#session.ecr(place);
    const { repositories = [] } = await asking('ecr:DescribeRepositories', () =>
      ecr.send(new DescribeRepositoriesCommand({ maxResults: REPOSITORIES_READ })),
    );
    for (const { repositoryName } of repositories) {
      const { imageDetails: [image] = [] } = await asking('ecr:DescribeImages', () =>
        ecr.send(new DescribeImagesCommand({ repositoryName, maxResults: 1 })),
      );
      if (image?.imageDigest === undefined) continue;
      const imageIds = [{ imageDigest: image.imageDigest }];
      await asking('ecr:BatchGetImage', () => ecr.send(new BatchGetImageCommand({ repositoryName, imageIds })));
      await sleep(PULL_RECORDED_MS);
      const { imageDetails: [after] = [] } = await asking('ecr:DescribeImages', () =>
        ecr.send(new DescribeImagesCommand({ repositoryName, imageIds })),
      );
      const [beforeEpochMs, afterEpochMs] = [image, after].map((one) => one?.lastRecordedPullTime?.getTime());
      return {
        image: `${registryKey(place)}/${repositoryName}@${image.imageDigest}`,
        ...(beforeEpochMs !== undefined && { beforeEpochMs }),
        ...(afterEpochMs !== undefined && { afterEpochMs }),
        isExcluded: await this.#isExcluded(ecr, place),
      };
    }
    return undefined;
  }

  async #isExcluded(ecr: ECRClient, { account }: Scope): Promise<boolean> {
    const end = `:iam::${account}:role/${this.#stack.parameters.ReadRoleName}`;
    let nextToken: string | undefined;
    do {
      const page = await asking('ecr:ListPullTimeUpdateExclusions', () =>
        ecr.send(new ListPullTimeUpdateExclusionsCommand({ nextToken })),
      );
      if (page.pullTimeUpdateExclusions?.some((arn) => arn.endsWith(end))) return true;
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return false;
  }
}

/** Any other message in the queue is no test event. */
function eventIn(body: string): ForwardingTest | undefined {
  try {
    const parsed = v.safeParse(forwardingTest.schema, JSON.parse(body));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
