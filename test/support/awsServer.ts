import { anAccount, type TestAccount } from './accounts';
import { AwsControl } from '../../local/measure/control';
import { startLocalAws, type LocalAws } from './localAws';

/** A local AWS of a test file's own: for clocks, limits and faults that nobody else shall feel. */
export class AwsServer {
  readonly control: AwsControl;
  private readonly accounts: TestAccount[] = [];

  private constructor(private readonly aws: LocalAws) {
    this.control = new AwsControl(aws.endpoint);
  }

  /** @param options of local/aws/server.py, after those that all tests share, which they may override */
  static async start(...options: string[]): Promise<AwsServer> {
    return new AwsServer(await startLocalAws(options));
  }

  get endpoint(): string {
    return this.aws.endpoint;
  }

  async account(): Promise<TestAccount> {
    const account = await anAccount(this.endpoint);
    this.accounts.push(account);
    return account;
  }

  stop(): void {
    for (const account of this.accounts) account.destroy();
    this.aws.process.kill('SIGKILL');
  }
}
