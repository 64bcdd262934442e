import { paginateLookupEvents, type CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { SimulatePrincipalPolicyCommand, type IAMClient } from '@aws-sdk/client-iam';
import { GetKeyPolicyCommand, paginateListGrants, type KMSClient } from '@aws-sdk/client-kms';
import type { AwsClients } from '../../../aws/clients';
import { decide } from '../../../model/iam/decide';
import { parseKeyPolicy, type KeyPolicy } from '../../../model/keys/keyPolicy';
import { ebsRequest } from '../../../model/keys/keyUse';
import { starterText, startMade, type Starter } from '../../../model/encryption/campaign/starters';
import { targetKey, type Target } from '../../../model/target';
import { deniedText, isDenied, unlessDenied } from '../../support/unlessDenied';
import { now } from '../../support/pace/waits';
import type { Look } from './look';
import type { NotChecked } from '../../../model/outcome';

/** AWS answers two requests a second: so many pages of 50 take 20 seconds of its whole rate. */
const MOST_PAGES = 40;
/** The pages of a campaign ask one after another, and history is long. What is allowed may be put right meanwhile. */
const REMEMBERED_MS = 5 * 60_000;
const ACTION = 'kms:CreateGrant';
const WHAT = 'whether those who start machines may use the key';

interface Started {
  starter: Starter;
  atMs: number;
}

interface History {
  /** By instance, then by role or user: the last time. */
  starts: Map<string, Map<string, Started>>;
  /** Where there was more than is read: the oldest that was. */
  sinceMs?: number;
}

/** `unknown` says why. */
type Verdict = { may: boolean } | { unknown: string };

interface Asked {
  target: Target;
  kmsKeyArn: string;
  policy: KeyPolicy | NotChecked;
  /** By role or user. */
  verdicts: Map<string, Verdict>;
}

/**
 * Who starts machines, and whether they will be able to once the volumes are under the key: whoever calls
 * StartInstances needs CreateGrant (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html).
 */
export class Starters {
  private readonly histories = new Map<string, { atMs: number; history: Promise<History> }>();

  constructor(private readonly aws: AwsClients) {}

  async look(target: Target, kmsKeyArn: string, instanceIds: readonly string[]): Promise<Look> {
    const look: Look = { warnings: new Map(), notChecked: [] };
    if (instanceIds.length === 0) return look;
    const trail = this.aws.cloudTrail(target, 'read');
    const history = await unlessDenied(() => this.history(targetKey(target), trail), {
      what: 'who else starts these machines',
      items: [],
    });
    if ('why' in history) return { ...look, notChecked: [history] };
    if (history.sinceMs !== undefined)
      look.notChecked.push({
        what: `starts before ${new Date(history.sinceMs).toISOString()}`,
        why: 'CloudTrail has more of them than are read',
        items: [],
      });
    look.notChecked.push({
      what: 'starts of the last quarter of an hour',
      why: 'CloudTrail tells of calls minutes after they were made',
      items: [],
    });
    const kms = this.aws.kms(target, 'read');
    const policy = await unlessDenied(() => readPolicy(kms, kmsKeyArn), { what: WHAT, items: [] });
    const asked = { target, kmsKeyArn, policy, verdicts: new Map<string, Verdict>() };
    for (const instanceId of instanceIds)
      for (const started of history.starts.get(instanceId)?.values() ?? [])
        await this.judge(instanceId, started, asked, look);
    return look;
  }

  private async judge(
    instanceId: string,
    { starter, atMs }: Started,
    asked: Asked,
    { warnings, notChecked }: Look,
  ): Promise<void> {
    // The campaign's own role is tried for real.
    if (starter.arn === this.aws.roleArn(asked.target.accountId, 'migrate')) return;
    const verdict = asked.verdicts.get(starter.arn) ?? (await this.judgeStarter(starter, asked));
    asked.verdicts.set(starter.arn, verdict);
    if ('unknown' in verdict) notChecked.push({ what: WHAT, why: verdict.unknown, items: [instanceId] });
    else if (!verdict.may) {
      const text = starterText(starter, atMs, `has no ${ACTION} on the key`);
      warnings.set(instanceId, [...(warnings.get(instanceId) ?? []), { kind: 'starter', text }]);
    }
  }

  /**
   * The key's policy is read here: the simulator does not take the policies of resources for roles
   * (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
   */
  private async judgeStarter(starter: Starter, { target, kmsKeyArn, policy }: Asked): Promise<Verdict> {
    if ('why' in policy) return { unknown: policy.why };
    const byKey = decide(policy, keyRequest(starter, target));
    if (byKey === 'deny') return { may: false };
    const own = await decideByOwnPolicies(this.aws.iam(target, 'read'), starter, target, kmsKeyArn);
    if (own === 'gone') return { may: true };
    if (own === 'explicitDeny') return { may: false };
    const isAtHome = kmsKeyArn.split(':')[4] === target.accountId;
    const needsOwn = byKey === 'account' || (byKey === 'allow' && !isAtHome);
    if (byKey === 'allow' && isAtHome) return { may: true };
    if (typeof own === 'object' && needsOwn) return own;
    if (needsOwn && own === 'allowed') return { may: true };
    if (await hasGrant(this.aws.kms(target, 'read'), kmsKeyArn, starter)) return { may: true };
    return byKey === 'unknown' ? { unknown: conditions(starter) } : { may: false };
  }

  private history(key: string, trail: CloudTrailClient): Promise<History> {
    const known = this.histories.get(key);
    if (known && now() - known.atMs < REMEMBERED_MS) return known.history;
    const history = readHistory(trail);
    this.histories.set(key, { atMs: now(), history });
    history.catch(() => this.histories.delete(key));
    return history;
  }
}

/** The newest first; 90 days of them at most. */
async function readHistory(trail: CloudTrailClient): Promise<History> {
  const starts: History['starts'] = new Map();
  const LookupAttributes = [{ AttributeKey: 'EventName' as const, AttributeValue: 'StartInstances' }];
  let pages = 0;
  for await (const { Events = [], NextToken } of paginateLookupEvents(
    { client: trail, pageSize: 50 },
    { LookupAttributes },
  )) {
    for (const { CloudTrailEvent, EventTime } of Events) {
      const made = startMade(CloudTrailEvent, EventTime);
      const { starter } = made ?? {};
      if (!made || !starter) continue;
      for (const instanceId of made.instanceIds) {
        const own = starts.get(instanceId) ?? new Map<string, Started>();
        if (!own.has(starter.arn)) own.set(starter.arn, { starter, atMs: made.atMs });
        starts.set(instanceId, own);
      }
    }
    pages += 1;
    if (NextToken && pages >= MOST_PAGES)
      return { starts, sinceMs: Events.at(-1)?.EventTime?.getTime() ?? 0 };
  }
  return { starts };
}

async function readPolicy(kms: KMSClient, kmsKeyArn: string): Promise<KeyPolicy> {
  const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: kmsKeyArn, PolicyName: 'default' }));
  return parseKeyPolicy(Policy);
}

type OwnDecision = 'allowed' | 'explicitDeny' | 'implicitDeny' | 'gone' | { unknown: string };

/** By the policies, boundaries and service control policies of the role or user itself. */
async function decideByOwnPolicies(
  iam: IAMClient,
  starter: Starter,
  target: Target,
  kmsKeyArn: string,
): Promise<OwnDecision> {
  const { context } = keyRequest(starter, target);
  const ContextEntries = Object.entries(context).flatMap(([ContextKeyName, value]) =>
    typeof value === 'string'
      ? {
          ContextKeyName,
          ContextKeyType: value === 'true' ? ('boolean' as const) : ('string' as const),
          ContextKeyValues: [value],
        }
      : [],
  );
  const simulated = new SimulatePrincipalPolicyCommand({
    PolicySourceArn: starter.arn,
    ActionNames: [ACTION],
    ResourceArns: [kmsKeyArn],
    ContextEntries,
  });
  try {
    const [result] = (await iam.send(simulated)).EvaluationResults ?? [];
    const missing = result?.MissingContextValues ?? [];
    if (result?.EvalDecision === 'implicitDeny' && missing.length > 0)
      return { unknown: `the policies of ${starter.arn} ask for ${missing.join(', ')}` };
    return result?.EvalDecision ?? 'implicitDeny';
  } catch (error) {
    // A role that is gone starts nothing any more.
    if (error instanceof Error && error.name.startsWith('NoSuchEntity')) return 'gone';
    if (isDenied(error)) return { unknown: deniedText(error) };
    throw error;
  }
}

/** What is not listed does not help: a grant that may not be seen counts as none. */
async function hasGrant(kms: KMSClient, KeyId: string, { arn }: Starter): Promise<boolean> {
  try {
    for await (const { Grants = [] } of paginateListGrants({ client: kms }, { KeyId, GranteePrincipal: arn }))
      if (Grants.some(({ Operations = [] }) => Operations.includes('CreateGrant'))) return true;
    return false;
  } catch (error) {
    if (isDenied(error)) return false;
    throw error;
  }
}

function keyRequest({ arn, session }: Starter, target: Target) {
  return ebsRequest('CreateGrant', target, [arn, ...(session ? [session] : [])]);
}

function conditions({ arn }: Starter): string {
  return `the key policy sets conditions on ${arn} that only KMS can decide`;
}
