/** Somebody who has started a machine, as IAM knows them. */
export interface Starter {
  /** A role or a user. */
  arn: string;
  /** Of a role: the session's own ARN, which a key policy may name. */
  session?: string;
}

/** One StartInstances call that was made. */
export interface StartMade {
  /** Undefined for the account's root and for AWS's own services: IAM has no policies of theirs to ask. */
  starter?: Starter;
  instanceIds: string[];
  atMs: number;
}

interface UserIdentity {
  type?: string;
  arn?: string;
  sessionContext?: { sessionIssuer?: { arn?: string } };
}

/**
 * Undefined for a call that was refused. Schedulers show as sessions of the role that they assume.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
 */
export function startMade(cloudTrailEvent: string | undefined, at: Date | undefined): StartMade | undefined {
  const { userIdentity, requestParameters, errorCode } = JSON.parse(cloudTrailEvent ?? '{}') as {
    userIdentity?: UserIdentity;
    requestParameters?: { instancesSet?: { items?: { instanceId?: string }[] } } | null;
    errorCode?: string;
  };
  if (errorCode !== undefined) return undefined;
  const items = requestParameters?.instancesSet?.items ?? [];
  const starter = starterIn(userIdentity ?? {});
  return {
    ...(starter && { starter }),
    instanceIds: items.flatMap(({ instanceId }) => instanceId ?? []),
    atMs: at?.getTime() ?? 0,
  };
}

function starterIn({ type, arn, sessionContext }: UserIdentity): Starter | undefined {
  const issuer = sessionContext?.sessionIssuer?.arn;
  if (type === 'AssumedRole' && issuer) return { arn: issuer, ...(arn && { session: arn }) };
  // A federated session has the policies of the user who made it at most.
  if (type === 'FederatedUser' && issuer && !issuer.endsWith(':root')) return { arn: issuer };
  return type === 'IAMUser' && arn ? { arn } : undefined;
}

export function starterText({ arn }: Starter, atMs: number, why: string): string {
  const on = new Date(atMs).toISOString().slice(0, 10);
  return `${arn}, who last started it on ${on}, ${why}: a start by them would fall back to stopped; allow them kms:CreateGrant on the key where kms:GrantIsForAWSResource is true`;
}
