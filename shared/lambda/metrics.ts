import { Metrics } from '@aws-lambda-powertools/metrics';

/**
 * One collector of metrics a function; it takes service name and namespace from the POWERTOOLS_ variables that the
 * template sets. A function that measures gives it to `lambdaFunction`, which sends what it holds.
 *
 * Each combination of a metric's name with its dimensions is billed as one custom metric, whole fleet: at most 30 over
 * all functions of the hub. So dimensions are tiers and outcomes, never accounts, repositories or digests.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
 */
export const metrics = new Metrics();
