import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { actionOf, awsError, signerOf, type AwsCall, type AwsFailure } from './awsWire';

/**
 * What happens to a call. `before` answers with an error and nothing takes effect; `after` lets it take effect and
 * then loses the response; `delay` passes it on late; `held` lets it take effect and holds the response until the
 * callback has ended: the place to kill a worker between "call made" and "result recorded". `shows` nothing of what there
 * is: a read that lags.
 */
export type Fault =
  | { before: AwsFailure }
  | { after: 'lose the response' }
  | { delay: number }
  | { shows: 'nothing' }
  | { held: (call: AwsCall) => Promise<void> };

/** A call whose answer is held; `came` resolves when it has taken effect. */
export interface Held {
  came: Promise<void>;
  release: () => void;
}

interface Rule {
  concerns: (call: AwsCall) => boolean;
  /** Which of these calls, counted from 1 since the rule was made; all when left out. */
  nth?: number[];
  /** Only calls of sessions in this account. */
  accountId?: string;
  seen: number;
  fault: Fault;
}

/** Stands between the AWS SDK and the local AWS; remembers every call and breaks those that a rule names. */
export class AwsProxy {
  readonly calls: AwsCall[] = [];
  private rules: Rule[] = [];
  /** Account by access key, of the sessions that were opened through this proxy. */
  private readonly sessions = new Map<string, string>();
  private readonly agent = new http.Agent({ keepAlive: true });
  private readonly server = http.createServer((request, response) => void this.serve(request, response));

  private constructor(readonly upstream: URL) {}

  static async start(upstream: string): Promise<AwsProxy> {
    const proxy = new AwsProxy(new URL(upstream));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /**
   * Breaks the nth calls (from now on, counted from 1) of an action, or those of which something holds; every one when
   * `nth` is left out. With an account, only what an assumed role does there counts: tests in accounts of their own
   * then run side by side.
   */
  fault(
    what: string | ((call: AwsCall) => boolean),
    fault: Fault,
    nth?: number | number[],
    accountId?: string,
  ): void {
    const concerns = typeof what === 'string' ? ({ action }: AwsCall) => action === what : what;
    this.rules.push({ concerns, fault, seen: 0, nth: typeof nth === 'number' ? [nth] : nth, accountId });
  }

  /** Holds the answer to the nth call of an action, which has taken effect by then, until it is released. */
  hold(action: string, nth = 1): Held {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const came = new Promise<void>((resolve) => {
      const held = () => {
        resolve();
        return released;
      };
      this.fault(action, { held }, nth);
    });
    return { came, release };
  }

  /** Forgets rules and calls. */
  reset(): void {
    this.rules = [];
    this.calls.length = 0;
  }

  /** Forgets the rules of an account, and its calls, which it returns in order. */
  forget(accountId: string): AwsCall[] {
    this.rules = this.rules.filter((rule) => rule.accountId !== accountId);
    const isIn = (call: AwsCall) => this.accountOf(call) === accountId;
    const calls = this.calls.filter(isIn);
    this.calls.splice(0, Infinity, ...this.calls.filter((call) => !isIn(call)));
    return calls;
  }

  callsOf(action: string): AwsCall[] {
    return this.calls.filter((call) => call.action === action);
  }

  /** Calls that change something. */
  mutations(): AwsCall[] {
    return this.calls.filter(isMutation);
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await read(request);
    const call: AwsCall = probed({
      ...actionOf(request, body),
      signedBy: signerOf(request),
      at: Date.now(),
    });
    this.calls.push(call);
    const fault = this.faultFor(call);
    try {
      if (fault && 'before' in fault) {
        const { status, headers, body: error } = awsError(call, fault.before);
        response.writeHead(status, headers).end(error);
        return;
      }
      if (fault && 'delay' in fault) await new Promise((resolve) => setTimeout(resolve, fault.delay).unref());
      const answer = await this.pass(request, body);
      if (call.action === 'AssumeRole') this.learn(call, answer);
      if (fault && 'held' in fault) await fault.held(call);
      if (fault && 'after' in fault) request.socket.destroy();
      else if (fault && 'shows' in fault) response.writeHead(answer.status).end(emptied(answer.body));
      else response.writeHead(answer.status, answer.headers).end(answer.body);
    } catch {
      request.socket.destroy();
    }
  }

  private learn({ params }: AwsCall, { body }: Answer): void {
    const key = /<AccessKeyId>([^<]+)</.exec(body.toString())?.[1];
    const accountId = params.RoleArn?.split(':')[4];
    if (key && accountId) this.sessions.set(key, accountId);
  }

  private accountOf({ signedBy }: AwsCall): string | undefined {
    return this.sessions.get(signedBy);
  }

  private faultFor(call: AwsCall): Fault | undefined {
    const accountId = this.accountOf(call);
    const rules = this.rules.filter(
      (rule) => (!rule.accountId || rule.accountId === accountId) && rule.concerns(call),
    );
    for (const rule of rules) rule.seen += 1;
    return rules.find((rule) => !rule.nth || rule.nth.includes(rule.seen))?.fault;
  }

  private pass(request: http.IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onward = http.request(
        {
          host: this.upstream.hostname,
          port: this.upstream.port,
          method: request.method,
          path: request.url,
          headers: request.headers,
          agent: this.agent,
        },
        (answer) => {
          read(answer).then(
            (content) =>
              resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: content }),
            reject,
          );
        },
      );
      onward.once('error', reject);
      onward.end(body);
    });
  }
}

/**
 * A question whether a call would be allowed is not that call. Only that before a clone keeps its name: it is a step of
 * the migration.
 */
function probed(call: AwsCall): AwsCall {
  const isProbe = /^true$/i.test(String(call.params.DryRun)) && call.action !== 'CopyVolumes';
  return isProbe ? { ...call, action: `DryRun:${call.action}` } : call;
}

/** A command that does nothing but read changes nothing either. */
const READS = /"commands":\["grep [^|;&>`$]*","true"\]/;

export function isMutation({ action, params }: Pick<AwsCall, 'action'> & Partial<AwsCall>): boolean {
  if (action === 'SendCommand' && READS.test((params?.Parameters ?? '').replace(/'[^']*'/g, '')))
    return false;
  return !/^(Describe|Get|List|AssumeRole|HEAD|GET|Lookup|Simulate|DryRun:)/.test(action);
}

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/** A list of EC2's without its items. */
function emptied(body: Buffer): string {
  return body.toString().replace(/<(\w+Set|createVolumePermission)>.*<\/\1>/s, '<$1/>');
}

async function read(stream: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
