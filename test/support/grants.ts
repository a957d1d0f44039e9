import {
  DeleteRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  PutRolePolicyCommand,
  paginateListRolePolicies,
  paginateListRoles,
} from '@aws-sdk/client-iam';

interface Statement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
}

interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

/** One action of one statement of a policy in a role. */
export interface Grant {
  readonly RoleName: string;
  readonly PolicyName: string;
  readonly sid: string;
  readonly action: string;
}

export const nameOf = ({ sid, action }: Grant): string => `${sid} ${action}`;

const actionsOf = ({ Action }: Statement): readonly string[] => (typeof Action === 'string' ? [Action] : Action);

/** The inline policies of roles as they are deployed in one account. */
export class Grants {
  readonly #iam: IAMClient;

  constructor(iam: IAMClient) {
    this.#iam = iam;
  }

  /** The name of the one role whose name begins so. */
  async role(prefix: string): Promise<string> {
    const names: string[] = [];
    for await (const { Roles = [] } of paginateListRoles({ client: this.#iam }, {})) {
      names.push(...Roles.map(({ RoleName = '' }) => RoleName).filter((name) => name.startsWith(prefix)));
    }
    const [name, ...others] = names;
    if (name === undefined || others.length > 0) throw new Error(`one role begins with ${prefix}, found ${names}`);
    return name;
  }

  async arn(RoleName: string): Promise<string> {
    const { Role } = await this.#iam.send(new GetRoleCommand({ RoleName }));
    return Role?.Arn ?? '';
  }

  async of(RoleName: string): Promise<Grant[]> {
    const grants: Grant[] = [];
    for await (const { PolicyNames = [] } of paginateListRolePolicies({ client: this.#iam }, { RoleName })) {
      for (const PolicyName of PolicyNames) {
        const { Statement } = await this.#document(RoleName, PolicyName);
        const all = Statement.flatMap((one) => actionsOf(one).map((action) => ({ sid: one.Sid, action })));
        grants.push(...all.map((grant) => ({ RoleName, PolicyName, ...grant })));
      }
    }
    return grants;
  }

  /** Does something while the role may not do this one thing. */
  async without<Result>({ RoleName, PolicyName, sid, action }: Grant, work: () => Promise<Result>): Promise<Result> {
    const document = await this.#document(RoleName, PolicyName);
    const left = document.Statement.map((statement) =>
      statement.Sid === sid
        ? { ...statement, Action: actionsOf(statement).filter((one) => one !== action) }
        : statement,
    ).filter(({ Action }) => Action.length > 0);
    await this.#put(RoleName, PolicyName, { ...document, Statement: left });
    try {
      return await work();
    } finally {
      await this.#put(RoleName, PolicyName, document);
    }
  }

  async #document(RoleName: string, PolicyName: string): Promise<PolicyDocument> {
    const { PolicyDocument = '' } = await this.#iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
    return JSON.parse(decodeURIComponent(PolicyDocument)) as PolicyDocument;
  }

  /** A policy without statements is none at all. */
  async #put(RoleName: string, PolicyName: string, document: PolicyDocument): Promise<void> {
    if (document.Statement.length === 0) {
      await this.#iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
      return;
    }
    await this.#iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: JSON.stringify(document) }));
  }
}
