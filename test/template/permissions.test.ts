import { readFileSync } from 'node:fs';
import { forwardingTest } from '../../shared/events/forwarding-test.ts';
import {
  doorPublisher,
  doors,
  ecsDoor,
  ecsGate,
  hub,
  type JsonObject,
  listOf,
  member,
  memberVpc,
  objectOf,
  ofType,
  type Resource,
  refersTo,
  statementsOf,
  type Template,
  textOf,
} from './template.ts';

/** With an organization its accounts are trusted; without one this account and those that a parameter lists. */
const trusted = (ofOrganization: string, ofAccount: string) => ({
  'Fn::If': [
    'InOrganization',
    { [ofOrganization]: { Ref: 'OrganizationId' } },
    {
      [ofAccount]: {
        'Fn::If': [
          'ListsMembers',
          { 'Fn::Split': [',', { 'Fn::Sub': `\${AWS::AccountId},\${MemberAccountIds}` }] },
          { Ref: 'AWS::AccountId' },
        ],
      },
    },
  ],
});
const FROM_INSIDE = trusted('aws:PrincipalOrgID', 'aws:PrincipalAccount');

interface Grant {
  readonly owner: string;
  readonly statement: JsonObject;
}

const grantsOf = (template: Template): Grant[] => [
  ...ofType(template, 'AWS::IAM::Role').flatMap(({ id, properties }) =>
    listOf(properties.Policies).flatMap((policy) =>
      statementsOf(objectOf(policy).PolicyDocument).map((statement) => ({ owner: id, statement })),
    ),
  ),
  ...ofType(template, 'AWS::IAM::Policy').flatMap(({ id, properties }) =>
    statementsOf(properties.PolicyDocument).map((statement) => ({ owner: id, statement })),
  ),
];
const grants = [hub, member, memberVpc, doors, ecsDoor].flatMap(grantsOf);
const actionsOf = ({ statement }: Grant): string[] => listOf(statement.Action).map(textOf);

/** Actions that AWS checks without a resource (Service Authorization Reference). */
const WITHOUT_RESOURCE = [
  /^organizations:ListAccounts$/,
  /^cloudwatch:DescribeAlarms$/,
  /^dynamodb:ListStreams$/,
  /^logs:(Create|Delete|Get|Update)LogDelivery$/,
  /^logs:(ListLogDeliveries|PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)$/,
  /^xray:(PutTraceSegments|PutTelemetryRecords|GetSamplingRules|GetSamplingTargets)$/,
  /^ecs:(ListClusters|ListServices|ListTasks|DescribeTaskDefinition|RegisterTaskDefinition)$/,
  /^events:(ListEventBuses|ListRuleNamesByTarget)$/,
  /^scheduler:ListSchedules$/,
  /^eks:ListClusters$/,
  /^ec2:Describe(NetworkInterfaces|Subnets)$/,
  /^ecr:(GetRegistryScanningConfiguration|ListPullTimeUpdateExclusions)$/,
  /^inspector2:(ListAccountPermissions|ListCoverage|ListFindings)$/,
];

test('no role is granted an action by a wildcard, or by exclusion', () => {
  expect(grants.length).toBeGreaterThan(20);
  expect(grants.flatMap(actionsOf).filter((action) => !/^[a-z0-9-]+:[A-Za-z]+$/.test(action))).toEqual([]);
  expect(grants.filter(({ statement }) => 'NotAction' in statement || 'NotResource' in statement)).toEqual([]);
});

test('every resource is named, but for actions that AWS checks without one', () => {
  const wide = grants
    .filter(({ statement }) => statement.Effect === 'Allow' && listOf(statement.Resource).includes('*'))
    .flatMap(actionsOf);
  expect(wide.filter((action) => !WITHOUT_RESOURCE.some((known) => known.test(action)))).toEqual([]);
});

test('no managed policy but that for traces widens a role, and every role has an owner', () => {
  const roles = ofType(hub, 'AWS::IAM::Role');
  const managed = roles.flatMap(({ properties }) => JSON.stringify(properties.ManagedPolicyArns) ?? []);
  expect([...new Set(managed)]).toEqual(['{"Fn::If":["IsTraced",[{"Ref":"TracesPolicy"}],{"Ref":"AWS::NoValue"}]}']);
  const owners = [...ofType(hub, 'AWS::Serverless::Function'), ...ofType(hub, 'AWS::Serverless::StateMachine')];
  const deploying = owners.flatMap(({ properties }) => listOf(objectOf(properties.DeploymentPreference ?? {}).Role));
  const functions = [...owners.map(({ properties }) => properties.Role), ...deploying].map((role) => refersTo(role));
  // A person takes one of the last two, a pipeline the other.
  const used = [...functions, 'DoctorRole', 'CheckRole'];
  expect([...new Set(used)].sort()).toEqual(roles.map(({ id }) => id).sort());
});

test('every role has the permissions boundary that a parameter names', () => {
  const boundary = { 'Fn::If': ['HasBoundary', { Ref: 'PermissionsBoundaryArn' }, { Ref: 'AWS::NoValue' }] };
  const made = [hub, member, memberVpc, doors, ecsDoor, ecsGate, doorPublisher].flatMap((template) =>
    ofType(template, 'AWS::IAM::Role').map(({ properties }) => properties),
  );
  // SAM makes a role for each schedule.
  const schedules = ofType(hub, 'AWS::Serverless::StateMachine').flatMap(({ properties }) =>
    Object.values(objectOf(properties.Events ?? {})).map((event) => objectOf(objectOf(event).Properties)),
  );
  expect(made.length).toBeGreaterThan(20);
  expect(schedules).toHaveLength(1);
  const bounded = [...made, ...schedules].map(({ PermissionsBoundary }) => PermissionsBoundary);
  expect(bounded).toEqual(bounded.map(() => boundary));
});

/** Which role of a member account trusts which functions of the hub, by their path. */
const TRUST: Readonly<Record<string, readonly string[]>> = {
  ReadRole: ['reader', 'builder', 'deployer', 'protector'],
  ActBuildRole: ['builder'],
  ActRolloutRole: ['deployer'],
  ActProtectRole: ['protector'],
  ActDoorRole: ['doorkeeper'],
};
const memberRoles = ofType(member, 'AWS::IAM::Role');

test.each(Object.entries(TRUST))(
  '%s is taken by the paths it trusts, with the external id, inside the organization',
  (id, paths) => {
    const role = memberRoles.find((one) => one.id === id);
    const [trust, ...others] = statementsOf(role?.properties.AssumeRolePolicyDocument);
    expect(others).toEqual([]);
    const arns = listOf(objectOf(objectOf(trust?.Condition).ArnLike)['aws:PrincipalArn']);
    expect(arns).toEqual(
      paths.map((path) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:iam::\${HubAccountId}:role/patchwave/${path}/*` })),
    );
    expect(objectOf(trust?.Condition).StringEquals).toEqual({
      'sts:ExternalId': { Ref: 'ReadRoleExternalId' },
      'aws:PrincipalOrgID': { 'Fn::If': ['InOrganization', { Ref: 'OrganizationId' }, { Ref: 'AWS::NoValue' }] },
    });
  },
);

test.each([
  ['template.yaml', hub],
  ['member-account.yaml', member],
])('%s trusts the organization only where one is given, and none is by default', (_, { json }) => {
  expect(objectOf(json.Conditions).InOrganization).toEqual({
    'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'OrganizationId' }, ''] }],
  });
  expect(objectOf(objectOf(json.Parameters).OrganizationId).Default).toBe('');
});

test('the hub lists no other account by default, and refuses a list beside an organization', () => {
  const isEmpty = (parameter: string) => ({ 'Fn::Equals': [{ Ref: parameter }, ''] });
  const { Default, AllowedPattern } = objectOf(objectOf(hub.json.Parameters).MemberAccountIds);
  expect(Default).toBe('');
  expect(objectOf(hub.json.Conditions).ListsMembers).toEqual({ 'Fn::Not': [isEmpty('MemberAccountIds')] });
  const accounts = (count: number) => Array.from({ length: count }, () => '111122223333').join();
  const takes = (value: string) => new RegExp(textOf(AllowedPattern)).test(value);
  expect([accounts(0), accounts(1), accounts(50)].filter((value) => !takes(value))).toEqual([]);
  expect([accounts(51), '*', '111122223333, 444455556666', '111122223333,'].filter(takes)).toEqual([]);
  const rules = listOf(objectOf(objectOf(hub.json.Rules).TrustsAnOrganizationOrAList).Assertions);
  expect(rules.map((rule) => objectOf(rule).Assert)).toEqual([
    { 'Fn::Or': [isEmpty('OrganizationId'), isEmpty('MemberAccountIds')] },
  ]);
});

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: characters, white space not counted. */
const LONGEST = { policies: 10_240, trust: 2048 };

test('the longest list of accounts fits into the policies of each role', () => {
  const list = ',"111122223333"'.length * 51;
  const lengthOf = (value: unknown) => {
    const text = JSON.stringify(value ?? []);
    return text.length + list * (text.split('ListsMembers').length - 1);
  };
  const roles = ofType(hub, 'AWS::IAM::Role');
  expect(
    roles.filter(
      ({ properties: { Policies, AssumeRolePolicyDocument } }) =>
        lengthOf(Policies) > LONGEST.policies || lengthOf(AssumeRolePolicyDocument) > LONGEST.trust,
    ),
  ).toEqual([]);
});

test('without an organization, and where a parameter says so, the hub makes what member-account.yaml makes', () => {
  const [nested, ...others] = ofType(hub, 'AWS::CloudFormation::Stack');
  expect(others).toEqual([]);
  expect(nested?.json.Condition).toBe('ReadsHubAccount');
  expect(objectOf(hub.json.Conditions).ReadsHubAccount).toEqual({
    'Fn::Or': [
      { 'Fn::Equals': [{ Ref: 'ReadHubAccount' }, 'true'] },
      { 'Fn::Equals': [{ Ref: 'OrganizationId' }, ''] },
    ],
  });
  expect(nested?.properties.TemplateURL).toBe('member-account.yaml');
  const given = objectOf(nested?.properties.Parameters);
  expect(Object.keys(given).sort()).toEqual(Object.keys(objectOf(member.json.Parameters)).sort());
  const { HubAccountId, HubBusArn, HomeRegion, ...same } = given;
  expect([HubAccountId, HubBusArn, HomeRegion]).toEqual([
    { Ref: 'AWS::AccountId' },
    { 'Fn::GetAtt': ['Bus', 'Arn'] },
    { Ref: 'AWS::Region' },
  ]);
  const ownParameters = objectOf(hub.json.Parameters);
  const ofMember = objectOf(member.json.Parameters);
  for (const [name, value] of Object.entries(same)) {
    const isList = objectOf(ownParameters[name]).Type === 'CommaDelimitedList';
    expect([name, value]).toEqual([name, isList ? { 'Fn::Join': [',', { Ref: name }] } : { Ref: name }]);
    const { Description: _own, ...own } = objectOf(ownParameters[name]);
    const { Description: _its, ...its } = objectOf(ofMember[name]);
    expect([name, own]).toEqual([name, its]);
  }
});

test('only roles of a path that members trust take member roles, each those that trust it', () => {
  const parameters: Readonly<Record<string, readonly string[]>> = {
    '/patchwave/': [],
    '/patchwave/reader/': ['ReadRoleName'],
    '/patchwave/builder/': ['ReadRoleName', 'ActBuildRoleName'],
    '/patchwave/deployer/': ['ReadRoleName', 'ActRolloutRoleName'],
    '/patchwave/protector/': ['ReadRoleName', 'ActProtectRoleName'],
    '/patchwave/doorkeeper/': ['ActDoorRoleName'],
  };
  for (const { id, properties } of [...ofType(hub, 'AWS::IAM::Role'), ...ofType(ecsDoor, 'AWS::IAM::Role')]) {
    const taken = grants
      .filter((grant) => grant.owner === id && actionsOf(grant).includes('sts:AssumeRole'))
      .flatMap(({ statement }) => listOf(statement.Resource).map((resource) => textOf(objectOf(resource)['Fn::Sub'])));
    const path = textOf(properties.Path);
    const names = taken.map((arn) => /^arn:\$\{AWS::Partition\}:iam::\*:role\/\$\{(\w+)\}$/.exec(arn)?.[1]);
    const allowed = parameters[path] ?? [];
    expect([id, names.filter((name = '') => !allowed.includes(name))]).toEqual([id, []]);
    expect([id, names.length > 0]).toEqual([id, allowed.length > 0]);
  }
});

test('roles of other accounts are taken inside the organization only, or in listed accounts', () => {
  const taking = grants.filter((grant) => actionsOf(grant).includes('sts:AssumeRole'));
  expect(taking.length).toBeGreaterThan(10);
  const conditions = taking.map(({ owner, statement }) => [owner, statement.Condition]);
  const inside = { StringEquals: trusted('aws:ResourceOrgID', 'aws:ResourceAccount') };
  expect(conditions).toEqual(taking.map(({ owner }) => [owner, inside]));
});

const busStatements = ofType(hub, 'AWS::Events::EventBusPolicy').map(({ properties }) =>
  objectOf(properties.Statement),
);

test('the bus takes from inside the organization what AWS said, test events, reports of builds, and nothing else', () => {
  expect(busStatements.map(({ Effect, Action }) => [Effect, Action])).toEqual([
    ['Allow', 'events:PutEvents'],
    ['Allow', 'events:PutEvents'],
  ]);
  expect(busStatements.map(({ Condition }) => Condition)).toEqual([
    {
      StringEquals: FROM_INSIDE,
      'ForAllValues:StringEquals': {
        'events:source': ['aws.codepipeline', 'aws.ecr', 'aws.ecs', 'aws.inspector2', 'patchwave.doctor'],
      },
    },
    {
      StringEquals: FROM_INSIDE,
      ArnLike: {
        'aws:PrincipalArn': { 'Fn::Sub': `arn:\${AWS::Partition}:iam::*:role/\${ReportRoleName}` },
      },
      'ForAllValues:StringEquals': { 'events:source': 'patchwave.pipeline', 'events:detail-type': 'RebuildReported' },
      Null: { 'events:source': 'false', 'events:detail-type': 'false' },
    },
  ]);
});

// While the policy cannot be read, the accounts of open builds are found in the ledger.
test.each(['RebuildDispatchRole', 'BuildResultRole', 'CascadeReaperRole'])('%s may list open builds', (owner) => {
  const resources = grants
    .filter((grant) => grant.owner === owner && actionsOf(grant).includes('dynamodb:Query'))
    .flatMap(({ statement }) => listOf(statement.Resource));
  expect(resources).toContainEqual({ 'Fn::Sub': `\${Ledger.Arn}/index/open` });
});

// What the resource of SendTaskSuccess is for a child of a map is documented nowhere: each form that it could have.
test.each(['RebuildDispatchRole', 'BuildResultRole'])('%s answers a step that waits in a child of a map', (owner) => {
  const [answer] = grants.filter(
    (grant) => grant.owner === owner && actionsOf(grant).includes('states:SendTaskSuccess'),
  );
  const resources = listOf(answer?.statement.Resource).map((resource) => textOf(objectOf(resource)['Fn::Sub']));
  const own =
    /^arn:\$\{AWS::Partition\}:states:\$\{AWS::Region\}:\$\{AWS::AccountId\}:(\w+):\$\{AWS::StackName\}-rebuild-cascade(\/\*)?$/;
  const forms = resources.map((resource) => (own.exec(resource) ?? []).slice(1).join(''));
  expect(forms).toEqual(['stateMachine', 'stateMachine/*', 'execution/*', 'mapRun/*']);
});

/**
 * Keys that may have several values in one request (`ArrayOf...`).
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
 */
const SETS: readonly string[] = ['events:source', 'events:detail-type', 'events:TargetArn', 'aws:TagKeys'];

test('a key that may have several values is compared by a set operator', () => {
  const all = [...grants.map(({ statement }) => statement), ...busStatements];
  const compared = all.flatMap(({ Condition }) =>
    Object.entries(objectOf(Condition ?? {})).flatMap(([operator, keys]) =>
      Object.keys(objectOf(keys)).map((key) => [operator, key] as const),
    ),
  );
  const ofSets = compared.filter(([, key]) => SETS.includes(key));
  expect(ofSets.length).toBeGreaterThan(0);
  expect(ofSets.filter(([operator]) => !/^(Null|ForAllValues:|ForAnyValue:)/.test(operator))).toEqual([]);
});

test('the calls of doctor in members are granted to its role, or to the read role', () => {
  const code = ['aws-members', 'aws-services'].map((name) => readFileSync(`cli/doctor/${name}.ts`, 'utf8')).join('\n');
  const asked = [...code.matchAll(/asking\(\s*'([\w:-]+)'/g)].map(([, action = '']) => action);
  const granted = grants.filter(({ owner }) => owner === 'DoctorRole' || owner === 'ReadRole').flatMap(actionsOf);
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.filter((action) => !granted.includes(action))).toEqual([]);
  const own = grants.filter(({ owner }) => owner === 'DoctorRole').flatMap(actionsOf);
  expect(own.filter((action) => !asked.includes(action))).toEqual([]);
});

test('a person takes the role of doctor, of this account and of those that a parameter lists', () => {
  const { properties } = hub.resources.find(({ id }) => id === 'DoctorRole') ?? {};
  expect(listOf(objectOf(properties?.AssumeRolePolicyDocument ?? {}).Statement)).toEqual([
    {
      Effect: 'Allow',
      Principal: { AWS: { 'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:root` } },
      Action: 'sts:AssumeRole',
      Condition: {
        'Fn::If': [
          'ListsDoctors',
          { ArnLike: { 'aws:PrincipalArn': { Ref: 'DoctorPrincipalArns' } } },
          { Ref: 'AWS::NoValue' },
        ],
      },
    },
  ]);
  expect(objectOf(hub.json.Conditions).ListsDoctors).toEqual({
    'Fn::Not': [{ 'Fn::Equals': [{ 'Fn::Select': [0, { Ref: 'DoctorPrincipalArns' }] }, ''] }],
  });
  expect(objectOf(objectOf(hub.json.Parameters).DoctorPrincipalArns).Default).toBe('');
});

describe('the role of `patchwave check`', () => {
  const { properties } = hub.resources.find(({ id }) => id === 'CheckRole') ?? {};

  test('is taken by principals of this account, and by roles of the organization that a parameter lists', () => {
    expect(listOf(objectOf(properties?.AssumeRolePolicyDocument ?? {}).Statement)).toEqual([
      {
        Effect: 'Allow',
        Principal: { AWS: { 'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:root` } },
        Action: 'sts:AssumeRole',
      },
      {
        'Fn::If': [
          'ListsCheckers',
          {
            Effect: 'Allow',
            Principal: { AWS: '*' },
            Action: 'sts:AssumeRole',
            Condition: {
              StringEquals: FROM_INSIDE,
              ArnLike: { 'aws:PrincipalArn': { Ref: 'CheckPrincipalArns' } },
            },
          },
          { Ref: 'AWS::NoValue' },
        ],
      },
    ]);
    expect(objectOf(hub.json.Conditions).ListsCheckers).toEqual({
      'Fn::Not': [{ 'Fn::Equals': [{ 'Fn::Select': [0, { Ref: 'CheckPrincipalArns' }] }, ''] }],
    });
    expect(objectOf(objectOf(hub.json.Parameters).CheckPrincipalArns).Default).toBe('');
  });

  const OWN = grants.filter(({ owner }) => owner === 'CheckRole').map(({ statement }) => statement);
  const READ = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['IMAGE#*', 'INDEX#*', 'POLICY'] } };

  test('reads images, indexes and the policy, and no lock with the token of a step', () => {
    expect(OWN.filter(({ Sid }) => Sid === 'ReadLedger').map(({ Condition }) => Condition)).toEqual([READ]);
    expect(OWN.filter(({ Action }) => JSON.stringify(Action).includes('dynamodb:'))).toHaveLength(1);
  });

  test('uses the key only through the services that it calls', () => {
    const [key] = OWN.filter(({ Sid }) => Sid === 'UseKey');
    const services = ['dynamodb', 's3', 'sqs'].map((service) => ({
      'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}`,
    }));
    expect(key?.Condition).toEqual({ StringEquals: { 'kms:ViaService': services } });
  });

  test('is in the documentation with the same limits', () => {
    const [, json = ''] = /```json\n([\s\S]*?)```/.exec(readFileSync('docs/pipelines.md', 'utf8')) ?? [];
    const statements = JSON.parse(json).Statement as readonly { Action: unknown; Condition?: unknown }[];
    const ledger = statements.filter(({ Action }) => JSON.stringify(Action).includes('dynamodb:'));
    expect(ledger.map(({ Condition }) => Condition)).toEqual([READ]);
  });

  test('may read, and send to the queue of requests only', () => {
    const own = grants.filter(({ owner }) => owner === 'CheckRole');
    const sends = own.filter((grant) => actionsOf(grant).includes('sqs:SendMessage'));
    expect(sends.map(({ statement }) => statement.Resource)).toEqual([{ 'Fn::GetAtt': ['CheckRequestQueue', 'Arn'] }]);
    const others = own.flatMap(actionsOf).filter((action) => !/:(BatchGet|Describe|Get)/.test(action));
    expect(others.filter((action) => !action.startsWith('kms:'))).toEqual(['sqs:SendMessage']);
  });
});

test('only functions, and no policy of a queue, may send to the queue of pushes', () => {
  const toPushes = grants.filter(
    (grant) =>
      actionsOf(grant).includes('sqs:SendMessage') &&
      listOf(grant.statement.Resource).some((one) => refersTo(one) === 'RegistryEventQueue'),
  );
  expect(toPushes.map(({ owner }) => owner).sort()).toEqual(['CascadePlanRole', 'VerifyRebuildRole']);
});

describe('a member account', () => {
  const writesOf = (owners: readonly string[]): string[] =>
    grantsOf(member)
      .filter(({ owner }) => owners.includes(owner))
      .flatMap(actionsOf)
      .filter((action) => !/:(List|Describe|Get|BatchGet)/.test(action))
      .sort();
  const acting = member.resources.filter(({ json }) => objectOf(json).Condition !== 'IsHome').map(({ id }) => id);

  test('lets Patchwave read and ask for scans by itself, and nothing else', () => {
    expect(writesOf(['ReadRole'])).toEqual(['ecr:StartImageScan', 'events:PutEvents', 'lambda:InvokeFunction']);
    expect(writesOf(['ForwardRole'])).toEqual(['events:PutEvents']);
  });

  test('lets the read role put test events on the default bus and that of the hub, and no other event', () => {
    const [put, ...others] = grantsOf(member).filter(
      (grant) => grant.owner === 'ReadRole' && actionsOf(grant).includes('events:PutEvents'),
    );
    expect(others).toEqual([]);
    const { source, detailType } = forwardingTest;
    expect(put?.statement).toMatchObject({
      Resource: [
        { 'Fn::Sub': `arn:\${AWS::Partition}:events:*:\${AWS::AccountId}:event-bus/default` },
        { Ref: 'HubBusArn' },
      ],
      Condition: {
        'ForAllValues:StringEquals': {
          'events:source': [source, 'patchwave.refused'],
          'events:detail-type': detailType,
        },
        Null: { 'events:source': 'false', 'events:detail-type': 'false' },
      },
    });
  });

  test('lets the read role call the functions in VPCs only with InventoryInVpc, which is off by default', () => {
    expect(objectOf(objectOf(member.json.Parameters).InventoryInVpc).Default).toBe('false');
    expect(objectOf(member.json.Conditions).ReadsInVpcs).toEqual({ 'Fn::Equals': [{ Ref: 'InventoryInVpc' }, 'true'] });
    const role = memberRoles.find(({ id }) => id === 'ReadRole');
    const [policy] = listOf(role?.properties.Policies);
    const conditional = listOf(objectOf(objectOf(policy).PolicyDocument).Statement)
      .map(objectOf)
      .map((statement) => listOf(statement['Fn::If']))
      .filter(([condition]) => condition === 'ReadsInVpcs');
    expect(conditional).toEqual([
      [
        'ReadsInVpcs',
        {
          ...{ Sid: 'ReadPrivateEksClusters', Effect: 'Allow', Action: 'lambda:InvokeFunction' },
          Resource: {
            'Fn::Sub': `arn:\${AWS::Partition}:lambda:*:\${AWS::AccountId}:function:\${ReadRoleName}-vpc-*`,
          },
        },
        { Ref: 'AWS::NoValue' },
      ],
    ]);
  });

  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-iam.html
  test('lets findings be read in registries with enhanced scanning too, where ECR asks Inspector for the reader', () => {
    const allowed = grantsOf(member)
      .filter(({ owner, statement }) => owner === 'ReadRole' && statement.Resource === '*')
      .flatMap(actionsOf);
    expect(allowed).toEqual(
      expect.arrayContaining([
        'inspector2:ListAccountPermissions',
        'inspector2:ListCoverage',
        'inspector2:ListFindings',
      ]),
    );
  });

  test.each([
    ['ActBuildRole', 'Builds', 'PipelineArns', ['codepipeline:StartPipelineExecution']],
    ['MoveTags', 'Promotes', 'PromotedRepositoryArns', ['ecr:PutImage']],
    ['ActProtectRole', 'Protects', 'ProtectedRepositoryArns', ['ecr:BatchDeleteImage', 'ecr:PutImage']],
    ['StopTasks', 'StopsTasks', 'StoppableTaskArns', ['ecs:StopTask']],
    [
      'RegisterTaskDefinitions',
      'Registers',
      'PassedRoleArns',
      ['ecs:RegisterTaskDefinition', 'ecs:TagResource', 'iam:PassRole'],
    ],
  ])('lets it act by %s only where %s: on what %s lists, which is empty by default', (id, condition, list, writes) => {
    expect(acting).toContain(id);
    expect(member.resources.find((resource) => resource.id === id)?.json.Condition).toBe(condition);
    expect(objectOf(objectOf(member.json.Conditions)[condition])['Fn::And']).toContainEqual({
      'Fn::Not': [{ 'Fn::Equals': [{ 'Fn::Select': [0, { Ref: list }] }, ''] }],
    });
    expect(objectOf(objectOf(member.json.Parameters)[list]).Default).toBe('');
    expect(writesOf([id])).toEqual(writes);
    const written = grantsOf(member)
      .filter((grant) => grant.owner === id && writesOf([id]).some((write) => actionsOf(grant).includes(write)))
      .map(({ statement }) => statement.Resource);
    expect(written).toContainEqual({ Ref: list });
  });

  test('lets it deploy by ActRolloutRole only what ServiceArns lists, and to EKS with RolloutToEks; both are off by default', () => {
    const conditions = objectOf(member.json.Conditions);
    const parameters = objectOf(member.json.Parameters);
    expect(member.resources.find(({ id }) => id === 'ActRolloutRole')?.json.Condition).toBe('RollsOut');
    expect(conditions.RollsOut).toEqual({
      'Fn::And': [
        { Condition: 'IsHome' },
        { 'Fn::Or': [{ Condition: 'DeploysServices' }, { Condition: 'DeploysToEks' }] },
      ],
    });
    const isEmpty = { 'Fn::Equals': [{ 'Fn::Select': [0, { Ref: 'ServiceArns' }] }, ''] };
    expect(conditions.DeploysServices).toEqual({ 'Fn::Not': [isEmpty] });
    expect(conditions.DeploysToEks).toEqual({ 'Fn::Equals': [{ Ref: 'RolloutToEks' }, 'true'] });
    expect([objectOf(parameters.ServiceArns).Default, objectOf(parameters.RolloutToEks).Default]).toEqual([
      '',
      'false',
    ]);
    expect(objectOf(objectOf(hub.json.Parameters).RolloutToEks).Default).toBe('false');
    const granted = grantsOf(member).filter(({ owner }) => owner === 'ActRolloutRole');
    expect(granted.map(actionsOf)[1]).toEqual(['ecs:DescribeServiceDeployments']);
    expect(granted.toSpliced(1, 1).map((grant) => [actionsOf(grant), grant.statement.Resource])).toEqual([
      [['ecs:DescribeServices', 'ecs:ListServiceDeployments', 'ecs:UpdateService'], { Ref: 'ServiceArns' }],
      [['ecs:DescribeTaskDefinition'], '*'],
      [['eks:DescribeCluster'], { 'Fn::Sub': `arn:\${AWS::Partition}:eks:*:\${AWS::AccountId}:cluster/*` }],
    ]);
    const role = ofType(member, 'AWS::IAM::Role').find(({ id }) => id === 'ActRolloutRole');
    const [policy] = listOf(role?.properties.Policies);
    const { Statement } = objectOf(objectOf(policy).PolicyDocument);
    expect(listOf(Statement).map((one) => listOf(objectOf(one)['Fn::If'])[0])).toEqual([
      ...['DeploysServices', 'DeploysServices', 'DeploysServices'],
      'DeploysToEks',
    ]);
  });

  test('lets only listed builds take the role that reports, and that role report only', () => {
    const role = memberRoles.find(({ id }) => id === 'ReportRole');
    expect(role?.json.Condition).toBe('Reports');
    expect(objectOf(objectOf(member.json.Parameters).ReporterArns).Default).toBe('');
    expect(statementsOf(role?.properties.AssumeRolePolicyDocument)).toMatchObject([
      {
        Principal: { AWS: { 'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:root` } },
        Condition: { ArnLike: { 'aws:PrincipalArn': { Ref: 'ReporterArns' } } },
      },
    ]);
    expect(
      grantsOf(member)
        .filter(({ owner }) => owner === 'ReportRole')
        .map(({ statement }) => statement),
    ).toMatchObject([
      {
        Action: 'events:PutEvents',
        Resource: { Ref: 'HubBusArn' },
        Condition: {
          'ForAllValues:StringEquals': {
            'events:source': 'patchwave.pipeline',
            'events:detail-type': 'RebuildReported',
          },
          Null: { 'events:source': 'false', 'events:detail-type': 'false' },
        },
      },
    ]);
  });

  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
  test('no role that reads manifests renews a pull time, in any Region', () => {
    const reading = grantsOf(member)
      .filter((grant) => actionsOf(grant).includes('ecr:BatchGetImage'))
      .map(({ owner }) => (owner === 'MoveTags' ? 'ActBuildRole' : owner));
    const exclusions = ofType(member, 'AWS::ECR::PullTimeUpdateExclusion');
    const arnOf = (id: string) => {
      const name = objectOf(memberRoles.find((role) => role.id === id)?.properties.RoleName).Ref;
      return `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/\${${String(name)}}`;
    };
    const [created, ordered, named] = [0, 1, 2].map((place) =>
      exclusions.map(({ properties }) => listOf(objectOf(properties.PrincipalArn)['Fn::If'])[place] ?? null),
    );
    expect(named?.map((arn) => textOf(objectOf(arn)['Fn::Sub'])).sort()).toEqual(reading.map(arnOf).sort());
    // Where the stack makes the role, the exclusion waits for it.
    const roles = (ordered ?? []).map((arn) => memberRoles.find(({ id }) => id === refersTo(arn)));
    expect(roles.map((role) => role?.id).sort()).toEqual(reading.toSorted());
    expect(created).toEqual(roles.map((role) => role?.json.Condition));
    // A registry is of a Region: no condition asks for the Region of the roles.
    const conditions = exclusions.map(({ json }) => objectOf(member.json.Conditions)[String(json.Condition)]);
    expect(JSON.stringify(conditions)).not.toContain('IsHome');
  });

  test('a role is passed to the tasks of ECS only', () => {
    const [pass] = grantsOf(member).filter((grant) => actionsOf(grant).includes('iam:PassRole'));
    expect(pass?.statement.Condition).toEqual({ StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } });
  });
});

test.each([
  ['template.yaml', hub],
  ['member-account.yaml', member],
  ['member-vpc.yaml', memberVpc],
  ['doors.yaml', doors],
  ['ecs-door.yaml', ecsDoor],
  ['ecs-gate.yaml', ecsGate],
  ['door-publisher.yaml', doorPublisher],
])('%s names no partition, account or Region', (_, { text }) => {
  const code = text.replaceAll(/(^|\s)#.*$/gm, '');
  expect(code.match(/arn:aws[a-z-]*:/g)).toBeNull();
  expect(code.match(/\b\d{12}\b/g)).toBeNull();
  expect(code.match(/\b[a-z]{2}(-gov|-iso[a-z]?)?-(north|south|east|west|central)[a-z]*-\d\b/g)).toBeNull();
});

/** Types without a property Tags, or whose tags SAM writes from a map. */
const UNTAGGED = [
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::CloudWatch::Dashboard',
  'AWS::ECR::PullTimeUpdateExclusion',
  'AWS::Events::EventBusPolicy',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::Lambda::Permission',
  'AWS::Logs::MetricFilter',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::QueuePolicy',
];

test('everything that takes a tag is tagged', () => {
  const isTagged = ({ properties }: Resource) =>
    JSON.stringify(listOf(properties.Tags)[0]) === '{"Key":"application","Value":"patchwave"}' ||
    JSON.stringify(properties.Tags) === '{"application":"patchwave"}';
  const globals = objectOf(objectOf(hub.json.Globals).Function);
  expect(globals.Tags).toEqual({ application: 'patchwave' });
  const untagged = [hub, member, memberVpc, doors, ecsDoor, ecsGate]
    .flatMap(({ resources }) => resources)
    .filter((resource) => !isTagged(resource) && resource.type !== 'AWS::Serverless::Function');
  expect(untagged.filter(({ type }) => !UNTAGGED.includes(type)).map(({ id }) => id)).toEqual([]);
});
