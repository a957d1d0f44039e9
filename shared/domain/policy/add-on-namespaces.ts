/**
 * Namespaces whose door is off unless a rule of the policy names them, each with the reason. They are those in which Amazon EKS
 * itself installs what nodes and pods need. Every further name is a namespace in which a person who may create namespaces starts any
 * image, so the list is short.
 */
export const ADD_ON_NAMESPACES: ReadonlyMap<string, string> = new Map([
  ['kube-system', 'network, DNS and storage of each node: without them no node becomes Ready'],
  ['karpenter', 'Karpenter, if it is not in kube-system: without it no new node is started'],
  ['amazon-guardduty', 'the agent of GuardDuty, which AWS installs and updates by itself'],
  ['amazon-cloudwatch', 'the agents of the add-on amazon-cloudwatch-observability'],
  ['amazon-network-flow-monitor', 'the agent of the add-on aws-network-flow-monitoring-agent'],
]);
