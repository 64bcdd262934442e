import type { IncomingMessage } from 'node:http';

/** One call as it went over the wire. S3 has no actions; its calls are named by method: `PUT`. EBS's go by their path. */
export interface AwsCall {
  action: string;
  protocol: 'query' | 'json' | 'rest';
  /** Parameters of a query call (`InstanceId.1`), or the JSON body's fields as text. */
  params: Record<string, string>;
  /** Access key that signed it. */
  signedBy: string;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface AwsFailure {
  code: string;
  message?: string;
  /** HTTP status; 400 when left out. */
  status?: number;
}

const ELB_VERSION = '2015-12-01';

/** Access key of a request: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html */
export function signerOf({ headers }: IncomingMessage): string {
  return /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '';
}

export function actionOf(request: IncomingMessage, body: Buffer): Omit<AwsCall, 'at' | 'signedBy'> {
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    const fields = JSON.parse(body.toString() || '{}') as Record<string, unknown>;
    const params = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    );
    return { action: target.split('.').pop() ?? target, protocol: 'json', params };
  }
  if (request.headers['content-type']?.includes('x-www-form-urlencoded')) {
    const { Action: action = 'unknown', ...params } = Object.fromEntries(
      new URLSearchParams(body.toString()),
    );
    return { action, protocol: 'query', params };
  }
  const [, snapshotId] = /^\/snapshots\/(snap-\w+)\/changedblocks/.exec(request.url ?? '') ?? [];
  if (snapshotId) return { action: 'ListChangedBlocks', protocol: 'json', params: { snapshotId } };
  return { action: request.method ?? 'unknown', protocol: 'rest', params: { path: request.url ?? '' } };
}

/** An error as the service of this call would send it. */
export function awsError(
  { protocol, params }: AwsCall,
  { code, message = 'injected by a test', status = 400 }: AwsFailure,
): { status: number; headers: Record<string, string>; body: string } {
  if (protocol === 'json') {
    return {
      status,
      headers: { 'content-type': 'application/x-amz-json-1.1' },
      body: JSON.stringify({ __type: code, message }),
    };
  }
  const error = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  // EC2 has a form of its own, https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html; load balancers have the common one.
  if (params.Version === ELB_VERSION)
    return {
      status,
      headers: { 'content-type': 'text/xml' },
      body: `<?xml version="1.0"?><ErrorResponse>${error}<RequestId>test</RequestId></ErrorResponse>`,
    };
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<?xml version="1.0"?><Response><Errors>${error}</Errors><RequestID>test</RequestID></Response>`,
  };
}
