import { KUBERNETES_LIMITS } from '../../shared/adapters/kubernetes-api.ts';
import { hub, listOf, member, memberVpc, objectOf, ofType, refersTo, statementsOf, textOf } from './template.ts';

const [role, ...otherRoles] = ofType(memberVpc, 'AWS::IAM::Role');
const [declared, ...otherFunctions] = ofType(memberVpc, 'AWS::Serverless::Function');
const properties = declared?.properties ?? {};
const [policy] = listOf(role?.properties.Policies);
const statements = statementsOf(objectOf(policy).PolicyDocument);
const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
const actionsOf = (some: typeof statements) => some.flatMap(({ Action }) => listOf(Action).map(textOf)).sort();

/** What Lambda needs for a function in a VPC. https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html */
const NETWORK = [
  ...['ec2:AssignPrivateIpAddresses', 'ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface'],
  ...['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets', 'ec2:UnassignPrivateIpAddresses'],
];

test('the template has one function and its role', () => {
  expect([otherRoles, otherFunctions]).toEqual([[], []]);
  expect(refersTo(properties.Role)).toBe(role?.id);
  expect(properties.CodeUri).toBe('dist/inventory-in-vpc');
});

test('the function runs on what the functions of the hub run on', () => {
  const { Runtime, Architectures, Handler, MemorySize } = objectOf(objectOf(hub.json.Globals).Function);
  expect(properties).toMatchObject({ Runtime, Architectures, Handler, MemorySize });
});

test('the read role may call exactly the functions that are named so', () => {
  const name = { 'Fn::Sub': `\${ReadRoleName}-\${VpcId}` };
  expect(properties.FunctionName).toEqual(name);
  const [call] = ofType(member, 'AWS::IAM::Role')
    .flatMap((one) => listOf(one.properties.Policies))
    .flatMap((one) => statementsOf(objectOf(one).PolicyDocument))
    .filter(({ Sid }) => Sid === 'ReadPrivateEksClusters');
  expect(textOf(objectOf(call?.Resource)['Fn::Sub'])).toMatch(/:function:\$\{ReadRoleName\}-vpc-\*$/);
  // https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html: a name has 64 characters, an id of a VPC 21.
  const pattern = textOf(objectOf(objectOf(memberVpc.json.Parameters).ReadRoleName).AllowedPattern);
  expect(new RegExp(pattern).test('r'.repeat(64 - 1 - 21))).toBe(true);
  expect(new RegExp(pattern).test('r'.repeat(64 - 21))).toBe(false);
  expect(new RegExp(pattern).test('Patchwave.Read')).toBe(false);
});

test('the function may find clusters and write its log; only Lambda uses the network with its role', () => {
  expect(actionsOf(allowed)).toEqual(
    [...NETWORK, 'eks:DescribeCluster', 'logs:CreateLogStream', 'logs:PutLogEvents'].sort(),
  );
  const [denied, ...others] = statements.filter(({ Effect }) => Effect === 'Deny');
  expect(others).toEqual([]);
  expect(actionsOf(denied ? [denied] : [])).toEqual([...NETWORK].sort());
  const own = `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:\${ReadRoleName}-\${VpcId}`;
  expect(denied).toMatchObject({
    Resource: '*',
    Condition: { ArnEquals: { 'lambda:SourceFunctionArn': { 'Fn::Sub': own } } },
  });
});

test('the function is in the subnets and security groups of the parameters', () => {
  expect(properties.VpcConfig).toEqual({
    SubnetIds: { Ref: 'VpcSubnetIds' },
    SecurityGroupIds: { Ref: 'VpcSecurityGroupIds' },
  });
});

test('a server that is silent for a while has time to answer', () => {
  expect(Number(properties.Timeout) * 1000).toBeGreaterThanOrEqual(2 * KUBERNETES_LIMITS.silenceMs);
});
