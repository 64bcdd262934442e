import { asyncLocalStorage } from '@temporalio/activity';
import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { EBSClient } from '@aws-sdk/client-ebs';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { OrganizationsClient } from '@aws-sdk/client-organizations';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { STSClient } from '@aws-sdk/client-sts';
import type { Target } from '../model/target';
import { asksForFewerCalls, classify } from './classify';
import { isPassingFault, noteCallSite, type CallSite } from './failures';
import { giveSignOfLife } from './liveness';
import type { Patience, RateBudget } from './rateBudget';
import { isPlainRead, readAgain } from './readAgain';

/** Told of every AWS call; src/telemetry/metrics.ts counts them. */
export interface CallObserver {
  /** `outcome` is `ok` or the failure type. */
  called(call: ObservedCall, outcome: string, durationMs: number): void;
  throttled(call: ObservedCall): void;
  /** How long the call waited for the rate budget, in milliseconds. */
  waited(call: ObservedCall, waitMs: number): void;
}

export type ObservedCall = Pick<CallSite, 'service' | 'action' | 'accountId' | 'region'>;

export interface Instruments {
  /** Awaited before every call; what it throws keeps the call from being made. */
  guard?: () => Promise<void>;
  budget?: RateBudget;
  observer?: CallObserver;
}

interface Caller {
  service: string;
  target: Target;
  /** Role or caller that the calls are made as, for messages. */
  as: string;
}

/** A client of any of the AWS services that are called. */
export type AnyClient =
  | CloudTrailClient
  | EBSClient
  | EC2Client
  | ElasticLoadBalancingV2Client
  | IAMClient
  | KMSClient
  | OrganizationsClient
  | S3Client
  | ServiceQuotasClient
  | SSMClient
  | STSClient;

/** Puts budget, metrics, a sign of life and the note for error messages around every call of a client. */
export function instrument<Client extends AnyClient>(
  client: Client,
  { service, target, as }: Caller,
  { guard, budget, observer }: Instruments,
): Client {
  // The clients' middleware stacks differ only in the commands that they carry.
  (client as EC2Client).middlewareStack.add(
    (next, context) => async (args) => {
      const action = (context.commandName ?? 'unknown').replace(/Command$/, '');
      const call = { service, action, ...target };
      const site = { ...call, as, resources: resourcesIn(args.input) };
      await guard?.();
      const once = async () => {
        giveSignOfLife();
        const budgeted = { ...call, input: args.input };
        const waitedMs = (await budget?.admit(budgeted, patience())) ?? 0;
        if (waitedMs > 0) {
          observer?.waited(call, waitedMs);
          giveSignOfLife();
        }
        const startedAt = performance.now();
        const ended = (outcome: string) => observer?.called(call, outcome, performance.now() - startedAt);
        try {
          const answer = await next(args);
          ended('ok');
          return answer;
        } catch (error) {
          const name = error instanceof Error ? error.name : '';
          if (asksForFewerCalls(name)) {
            budget?.noteThrottle(budgeted);
            observer?.throttled(call);
          }
          ended(name === 'AbortError' ? 'Aborted' : classify(name).type);
          if (error instanceof Error) noteCallSite(error, site);
          throw error;
        }
      };
      if (!isPlainRead(action)) return once();
      const { maxWaitMs, signal } = patience();
      return readAgain(once, { passes: isPassingFault, withinMs: maxWaitMs / 2, signal });
    },
    { step: 'initialize', name: 'holdfast', priority: 'high' },
  );
  return client;
}

/** How long a call may wait for its turn when nothing says how long its attempt may take. */
const DEFAULT_MAX_WAIT_MS = 10_000;

/** Longer waits are Temporal's business: it keeps no slot busy. */
const LONGEST_WAIT_MS = 60_000;

/**
 * An attempt has to end before its timeouts, or its retry would run beside it; so the wait leaves room for the call
 * itself, and for others. It is one silence: a sign of life comes before it and after it.
 */
function patience(): Patience {
  const activity = asyncLocalStorage.getStore();
  if (!activity) return { maxWaitMs: DEFAULT_MAX_WAIT_MS };
  const { startToCloseTimeoutMs, heartbeatTimeoutMs } = activity.info;
  const maxWaitMs = Math.min(
    LONGEST_WAIT_MS,
    startToCloseTimeoutMs / 3,
    heartbeatTimeoutMs ? heartbeatTimeoutMs / 2 : LONGEST_WAIT_MS,
  );
  return { maxWaitMs, signal: activity.cancellationSignal };
}

const MAX_NAMED = 3;

/** An external id is half a secret. */
const NOT_RESOURCES = /^(ExternalId|RoleSessionName)$/;

/** Ids, names and ARNs that a call is about, for messages: `vol-1, vol-2 and 8 more`. */
export function resourcesIn(input: object): string | undefined {
  const values = Object.entries(input).flatMap(([key, value]: [string, unknown]) =>
    /(Id|Ids|Arn|Name|Resources|Bucket)$|^Key$/.test(key) && !NOT_RESOURCES.test(key) ? [value].flat() : [],
  );
  const ids = [...new Set(values.filter((value): value is string => typeof value === 'string'))];
  if (ids.length === 0) return undefined;
  const more = ids.length - MAX_NAMED;
  return ids.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
