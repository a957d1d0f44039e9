/** Whether a queue has both the URL and the ARN: each ends with its account and its name. */
export const isSameQueue = (url: string, arn: string): boolean =>
  new URL(url).pathname.split('/').slice(-2).join(':') === arn.split(':').slice(-2).join(':');
