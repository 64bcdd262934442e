import { HOME_REGION } from '../stack/accounts';
import { AwsControl } from './control';

/** What is on the volumes of an account, by the local AWS's control endpoint. */
export class Blocks {
  private readonly control: AwsControl;

  constructor(
    endpoint: string,
    private readonly account: { accountId: string },
    private readonly region = HOME_REGION,
  ) {
    this.control = new AwsControl(endpoint);
  }

  /** Writes new data to blocks of a volume, as a program on its running instance would. */
  async write(volumeId: string, ...blocks: number[]): Promise<void> {
    await this.control.post('blocks', { ...this.where(), volumeId, blocks });
  }

  /** The same for two volumes or snapshots that hold the same, whatever they are encrypted under. */
  async digest(id: string): Promise<string> {
    const kind = id.startsWith('snap-') ? 'snapshotId' : 'volumeId';
    const query = new URLSearchParams({ ...this.where(), [kind]: id });
    return (await this.control.get<{ digest: string }>(`digest?${query.toString()}`)).digest;
  }

  private where() {
    return { accountId: this.account.accountId, region: this.region };
  }
}
