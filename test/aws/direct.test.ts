import {
  EBSClient,
  GetSnapshotBlockCommand,
  ListChangedBlocksCommand,
  ListSnapshotBlocksCommand,
} from '@aws-sdk/client-ebs';
import { createHash } from 'node:crypto';
import { Blocks } from '../../local/measure/blocks';
import { anAccount, type TestAccount } from '../support/accounts';
import { anInstance, snapshotOf, type SeededInstance } from '../support/seed';
import { shared } from '../support/shared';

/** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-accessing-snapshot.html */
describe('the EBS direct APIs', () => {
  const endpoint = shared('awsEndpoint');
  let account: TestAccount;
  let machine: SeededInstance;
  let blocks: Blocks;
  let ebs: EBSClient;
  let [first, second, data] = ['', '', ''];

  beforeAll(async () => {
    account = await anAccount(endpoint);
    blocks = new Blocks(endpoint, account);
    ebs = new EBSClient({ region: 'us-east-1', endpoint, credentials: account.credentials });
    machine = await anInstance(account, { root: { size: 1 }, data: [{ device: '/dev/sdf', size: 1 }] });
    data = machine.volumes['/dev/sdf'] ?? '';
    await blocks.write(data, 1, 2, 3);
    first = await snapshot(data);
    await blocks.write(data, 3, 9);
    second = await snapshot(data);
  });
  afterAll(() => {
    account.destroy();
    ebs.destroy();
  });

  const snapshot = (volumeId: string) => snapshotOf(account, volumeId);

  it('list the blocks of a snapshot, page by page', async () => {
    const page = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId: first, MaxResults: 2 }));
    expect(page).toMatchObject({ BlockSize: 524_288, VolumeSize: 1 });
    expect(page.Blocks?.map(({ BlockIndex }) => BlockIndex)).toEqual([1, 2]);
    const rest = await ebs.send(
      new ListSnapshotBlocksCommand({ SnapshotId: first, MaxResults: 2, NextToken: page.NextToken }),
    );
    expect(rest.Blocks?.map(({ BlockIndex }) => BlockIndex)).toEqual([3]);
  });

  it('list what differs between two snapshots of a volume', async () => {
    const { ChangedBlocks = [] } = await ebs.send(
      new ListChangedBlocksCommand({ FirstSnapshotId: first, SecondSnapshotId: second }),
    );
    expect(
      ChangedBlocks.map((block) => [block.BlockIndex, !!block.FirstBlockToken, !!block.SecondBlockToken]),
    ).toEqual([
      [3, true, true],
      [9, false, true],
    ]);
  });

  it('refuse to compare snapshots of different volumes', async () => {
    const other = await snapshot(machine.volumes['/dev/xvda'] ?? '');
    await expect(
      ebs.send(new ListChangedBlocksCommand({ FirstSnapshotId: other, SecondSnapshotId: second })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('give the data of a block, with its checksum: the same while nobody wrote, another after', async () => {
    const read = async (SnapshotId: string, BlockIndex: number) => {
      const { Blocks: listed = [] } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }));
      const BlockToken = listed.find((block) => block.BlockIndex === BlockIndex)?.BlockToken;
      const block = await ebs.send(new GetSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockToken }));
      const bytes = (await block.BlockData?.transformToByteArray()) ?? new Uint8Array();
      expect(bytes).toHaveLength(524_288);
      expect(block.Checksum).toBe(createHash('sha256').update(bytes).digest('base64'));
      return block.Checksum;
    };
    expect(await read(second, 1)).toBe(await read(first, 1));
    expect(await read(second, 3)).not.toBe(await read(first, 3));
  });

  it('know no other snapshots', async () => {
    await expect(
      ebs.send(new ListSnapshotBlocksCommand({ SnapshotId: 'snap-00000000000000000' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});
