import { AwsControl } from '../../local/measure/control';
import { HOME_REGION, type TestAccount } from './accounts';

export interface Guest {
  agent: 'online' | 'offline' | 'none';
  frozen: boolean;
  marks: { at: string; what: 'frozen' | 'thawed' }[];
  snapshots: { snapshotId: string; frozen: boolean }[];
}

/** What the local AWS knows of the inside of an account's instances. */
export class Guests {
  private readonly control: AwsControl;

  constructor(
    endpoint: string,
    private readonly account: TestAccount,
    private readonly region = HOME_REGION,
  ) {
    this.control = new AwsControl(endpoint);
  }

  of(instanceId: string): Promise<Guest> {
    const at = new URLSearchParams({ ...this.where, instanceId });
    return this.control.get(`guest?${at.toString()}`);
  }

  change(
    instanceId: string,
    changes: { agent?: Guest['agent']; platform?: 'windows' | 'linux'; files?: Record<string, string> },
  ): Promise<Guest> {
    return this.control.post('guest', { ...this.where, instanceId, ...changes });
  }

  private get where() {
    return { accountId: this.account.accountId, region: this.region };
  }
}
