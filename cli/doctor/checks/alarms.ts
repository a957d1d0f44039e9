import { counted } from '../../../shared/domain/common/counted.ts';
import { broken, type CheckFinding, orOk } from '../finding.ts';
import type { AlarmDescription, TopicDescription } from '../installation.ts';

const SET_TOPIC = 'Deploy with AlarmEmail=<address>, or with AlarmTopicArn=<ARN of an SNS topic>.';

/**
 * Checks that each alarm exists and notifies a person.
 * @param setTopic how to give the alarms of the template an action
 */
export function checkAlarms(
  alarms: readonly AlarmDescription[],
  template = 'template.yaml',
  setTopic = SET_TOPIC,
): readonly CheckFinding[] {
  const here = alarms.filter(({ exists }) => exists);
  const silent = here.filter(({ actions }) => actions.length === 0);
  const found = [
    ...alarms
      .filter(({ exists }) => !exists)
      .map(({ name }) => broken(name, `The alarm ${name} was deleted.`, `Deploy ${template} again.`)),
    ...(silent.length > 1 && silent.length === here.length
      ? [broken('alarms', `None of ${here.length} alarms has an action, so no person is notified.`, setTopic)]
      : silent.map(({ name }) => broken(name, `The alarm ${name} has no action, so no person is notified.`, setTopic))),
    ...here
      .filter(({ actions, actionsEnabled }) => actions.length > 0 && !actionsEnabled)
      .map(({ name }) =>
        broken(
          name,
          `The actions of the alarm ${name} are switched off.`,
          `Switch them on: aws cloudwatch enable-alarm-actions --alarm-names ${name}`,
        ),
      ),
  ];
  return orOk(found, 'alarms', `Every alarm has an action (${counted(alarms.length, 'alarm')} checked).`);
}

/**
 * Checks that an alarm that goes off reaches somebody: SNS sends nothing to an address that is not confirmed, and deletes its
 * subscription after 48 hours (https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html).
 */
export function checkTopics(topics: readonly TopicDescription[]): readonly CheckFinding[] {
  const found = topics
    .filter(({ confirmed }) => confirmed === 0)
    .map(({ arn, exists }) =>
      exists
        ? broken(
            arn,
            `The topic ${arn} of the alarms has no confirmed subscription, so no person is notified.`,
            `Confirm the mail that Amazon SNS sent. After 48 hours subscribe again: aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint <address>`,
          )
        : broken(arn, `The topic ${arn} of the alarms does not exist, so no person is notified.`, SET_TOPIC),
    );
  const text = `Each topic of the alarms has a confirmed subscription (${counted(topics.length, 'topic')} of this account checked).`;
  return orOk(found, 'topics', text);
}
