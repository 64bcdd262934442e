import { CreateVolumeCommand, DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { anAccount, HOME_REGION, type TestAccount } from '../support/accounts';
import { AwsProxy } from '../support/awsProxy';
import { shared } from '../support/shared';

/** What the fault tests rely on: that each fault is what its name says. */
describe('the AWS proxy', () => {
  let account: TestAccount;
  let proxy: AwsProxy;
  let ec2: EC2Client;

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
    proxy = await AwsProxy.start(shared('awsEndpoint'));
    const { credentials } = account;
    ec2 = new EC2Client({ region: HOME_REGION, endpoint: proxy.endpoint, credentials, maxAttempts: 1 });
  });
  afterAll(async () => {
    ec2.destroy();
    account.destroy();
    await proxy.stop();
  });
  beforeEach(() => proxy.reset());

  const createVolume = () =>
    ec2.send(new CreateVolumeCommand({ AvailabilityZone: `${HOME_REGION}a`, Size: 1 }));

  async function volumeCount(): Promise<number> {
    const { Volumes = [] } = await account.ec2().send(new DescribeVolumesCommand({}));
    return Volumes.length;
  }

  it('passes calls on and remembers them', async () => {
    const before = await volumeCount();
    const { VolumeId } = await createVolume();
    expect(VolumeId).toMatch(/^vol-/);
    expect(await volumeCount()).toBe(before + 1);
    expect(proxy.callsOf('CreateVolume')[0]?.params).toMatchObject({ Size: '1' });
    expect(proxy.mutations()).toHaveLength(1);
  });

  it('answers the nth call with an error, before any effect', async () => {
    const before = await volumeCount();
    proxy.fault('CreateVolume', { before: { code: 'RequestLimitExceeded', status: 503 } }, 2);
    await createVolume();
    await expect(createVolume()).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
    await createVolume();
    expect(await volumeCount()).toBe(before + 2);
  });

  it('speaks the JSON protocol too', async () => {
    const { credentials } = account;
    const kms = new KMSClient({ region: HOME_REGION, endpoint: proxy.endpoint, credentials, maxAttempts: 1 });
    proxy.fault('DescribeKey', { before: { code: 'KMSInvalidStateException' } });
    await expect(kms.send(new DescribeKeyCommand({ KeyId: 'x' }))).rejects.toMatchObject({
      name: 'KMSInvalidStateException',
    });
    kms.destroy();
  });

  it('loses the response of a call that took effect', async () => {
    const before = await volumeCount();
    proxy.fault('CreateVolume', { after: 'lose the response' }, 1);
    await expect(createVolume()).rejects.toThrow();
    expect(await volumeCount()).toBe(before + 1);
  });

  it('holds a response while the effect is already there', async () => {
    const before = await volumeCount();
    let seen = 0;
    proxy.fault('CreateVolume', { held: async () => void (seen = await volumeCount()) });
    await createVolume();
    expect(seen).toBe(before + 1);
  });

  it('delays a call', async () => {
    proxy.fault('CreateVolume', { delay: 300 }, 1);
    const started = performance.now();
    await createVolume();
    expect(performance.now() - started).toBeGreaterThan(290);
  });
});
