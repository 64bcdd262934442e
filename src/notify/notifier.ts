import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Notification } from '../model/notification';

export interface Notifier {
  /** Throws when any receiver could not be told. */
  send(notification: Notification): Promise<void>;
}

/** Where notifications go: https URLs, which get the notification as a JSON body, and SNS topics. */
export class Notifiers implements Notifier {
  constructor(
    private readonly receivers: readonly string[],
    private readonly sns: (region: string) => SNSClient,
  ) {}

  /** All are told, whichever fails. */
  async send(notification: Notification): Promise<void> {
    const sent = await Promise.allSettled(
      this.receivers.map((receiver) => this.tell(receiver, notification)),
    );
    const failed = sent.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  private async tell(receiver: string, notification: Notification): Promise<void> {
    const region = /^arn:[^:]+:sns:([^:]+):/.exec(receiver)?.[1];
    if (region === undefined) return post(receiver, notification);
    await this.sns(region).send(
      new PublishCommand({
        TopicArn: receiver,
        // SNS cuts nothing by itself: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
        Subject: `Holdfast: ${notification.workflowType} ${notification.kind}`.slice(0, 100),
        Message: JSON.stringify(notification),
      }),
    );
  }
}

const TIMEOUT_MS = 10_000;

async function post(url: string, notification: Notification): Promise<void> {
  const { host } = new URL(url);
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(notification),
    // Whoever can answer for the webhook could otherwise send the worker to what only its network reaches.
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await answer.body?.cancel();
  // The path of a webhook is often its secret.
  if (answer.ok) return;
  const isMoved = answer.status >= 300 && answer.status < 400;
  throw new Error(
    `the webhook at ${host} answered ${answer.status}${isMoved ? '; redirects are not followed: put the address that it leads to into HOLDFAST_NOTIFY' : ''}`,
  );
}
