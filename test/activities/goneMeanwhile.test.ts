import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import {
  CopySnapshotCommand,
  CreateImageCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DeregisterImageCommand,
  ModifySnapshotTierCommand,
  RestoreSnapshotTierCommand,
  StartInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import { createActivities, type Activities } from '../../src/activities';
import type { ActivityDeps } from '../../src/activities/support/deps';
import { REAL_WAITS } from '../../src/activities/support/pace/waits';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aKey, anInstance, aVolume, stopped } from '../support/seed';
import { until } from '../support/until';
import type { MovePlan } from '../../src/model/machines/facts';

/** Enough to be shorter than a test, and longer than a look. */
const settings = { pollMs: 20, readLagMs: 100 };

/** Failures are what is tested. */
const logger = new DefaultLogger('ERROR');

let aws: AwsServer;
let account: TestAccount;
let activities: Activities;

const target = () => ({ accountId: account.accountId, region: 'us-east-1' });
const ec2 = () => account.ec2();
/** What is begun from now on is never over by itself. */
const stand = () => aws.control.post('clock', { speed: 0 });

interface Wait {
  run: () => Promise<unknown>;
  vanish: () => Promise<unknown>;
  /** What is said of it. */
  says: RegExp;
}

const ofVolume = (VolumeId: string, state: 'available' | 'attached'): Wait => ({
  run: () => activities.awaitVolumes({ target: target(), volumeIds: [VolumeId], state }),
  vanish: () => ec2().send(new DeleteVolumeCommand({ VolumeId })),
  says: new RegExp(`ResourceFailed volume ${VolumeId} in .* is not there any more: somebody has deleted it`),
});

const ofMachine = (instanceId: string, run: () => Promise<unknown>): Wait => ({
  run,
  vanish: () => ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] })),
  says: new RegExp(`NotFound ${instanceId} in .* is terminated or does not exist`),
});

async function aSnapshot(): Promise<string> {
  const VolumeId = await aVolume(account, { size: 1 });
  return (await ec2().send(new CreateSnapshotCommand({ VolumeId }))).SnapshotId ?? '';
}

const WAITS: Partial<Record<keyof Activities, Record<string, () => Promise<Wait>>>> = {
  awaitVolumes: {
    'that is being made': async () => {
      await stand();
      return ofVolume(await aVolume(account), 'available');
    },
    'that nothing attaches': async () => ofVolume(await aVolume(account), 'attached'),
  },
  awaitReplacements: {
    'whose key was disabled': async () => {
      const KmsKeyId = await aKey(account);
      await stand();
      const { VolumeId = '' } = await ec2().send(
        new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1, Encrypted: true, KmsKeyId }),
      );
      const plan: MovePlan = { target: target(), kmsKeyArn: KmsKeyId, disks: [] };
      return {
        run: () => activities.awaitReplacements({ plan, replacements: { 'vol-1': VolumeId } }),
        vanish: async () => {
          await account.kms().send(new DisableKeyCommand({ KeyId: KmsKeyId }));
          await aws.control.post('clock', { advance: 60 });
        },
        says: new RegExp(
          `ResourceFailed volume ${VolumeId} in .* is not there any more: EC2 lets .* Its key ${KmsKeyId}: the key is Disabled; enable it`,
        ),
      };
    },
  },
  awaitSnapshots: {
    'that somebody’s retention deletes': async () => {
      await stand();
      const SnapshotId = await aSnapshot();
      return {
        run: () => activities.awaitSnapshots({ target: target(), snapshotIds: [SnapshotId] }),
        vanish: () => ec2().send(new DeleteSnapshotCommand({ SnapshotId })),
        says: new RegExp(
          `ResourceFailed snapshot ${SnapshotId} in .* is not there any more: .*holdfast:migration`,
        ),
      };
    },
  },
  awaitMachine: {
    'that starts': async () => {
      const { instanceId } = await anInstance(account);
      await stopped(account, instanceId);
      await stand();
      await ec2().send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
      return ofMachine(instanceId, () =>
        activities.awaitMachine({ target: target(), instanceId, state: 'running' }),
      );
    },
    'that stops': async () => {
      const { instanceId } = await anInstance(account);
      return ofMachine(instanceId, () =>
        activities.awaitMachine({ target: target(), instanceId, state: 'stopped' }),
      );
    },
  },
  awaitHealthy: {
    'that is being checked': async () => {
      const { instanceId } = await anInstance(account);
      await stopped(account, instanceId);
      await stand();
      await ec2().send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
      return ofMachine(instanceId, () => activities.awaitHealthy({ target: target(), instanceId }));
    },
  },
  awaitCapacity: {
    'that somebody has cancelled': () =>
      Promise.resolve({
        run: () => activities.awaitCapacity({ target: target(), migrationId: 'mig-1' }),
        vanish: () => Promise.resolve(),
        says: /ResourceFailed the capacity reservation of mig-1 in .* is gone: somebody has cancelled it/,
      }),
  },
  awaitRestored: {
    'that comes back from the archive': async () => {
      const SnapshotId = await aSnapshot();
      await ec2().send(new ModifySnapshotTierCommand({ SnapshotId, StorageTier: 'archive' }));
      await stand();
      await ec2().send(new RestoreSnapshotTierCommand({ SnapshotId, PermanentRestore: true }));
      return {
        run: () => activities.awaitRestored({ target: target(), snapshotIds: [SnapshotId] }),
        vanish: () => ec2().send(new DeleteSnapshotCommand({ SnapshotId })),
        says: new RegExp(`NotFound ${SnapshotId} was deleted meanwhile`),
      };
    },
  },
  waitForImages: {
    'that is being made': async () => {
      const { instanceId } = await anInstance(account, { data: [] });
      await stand();
      const Name = `image-${Math.random()}`;
      const { ImageId = '' } = await ec2().send(
        new CreateImageCommand({ InstanceId: instanceId, Name, NoReboot: true }),
      );
      return {
        run: () => activities.waitForImages({ target: target(), amiIds: [ImageId] }),
        vanish: () => ec2().send(new DeregisterImageCommand({ ImageId })),
        says: new RegExp(`ResourceFailed image ${ImageId} in .* is gone`),
      };
    },
  },
  awaitCopies: {
    'that somebody deletes': async () => {
      const SourceSnapshotId = await aSnapshot();
      await stand();
      const { SnapshotId: copyId = '' } = await ec2().send(
        new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId }),
      );
      return {
        // One copy of many is no reason to end the others.
        run: async () => {
          const { failed } = await activities.awaitCopies({ target: target(), copyIds: [copyId] });
          throw ApplicationFailure.nonRetryable(failed[0]?.why ?? '', 'told');
        },
        vanish: () => ec2().send(new DeleteSnapshotCommand({ SnapshotId: copyId })),
        says: /told it is gone; somebody deleted it/,
      };
    },
  },
};

/** Waits that end by a time of their own, or that look for what is gone at every look; the tests of each say so. */
const BOUNDED: readonly string[] = ['awaitHealthCheck', 'awaitDrained', 'awaitServed', 'watchAlone'];

beforeAll(async () => {
  aws = await AwsServer.start();
  account = await aws.account();
  const clients = { ec2, kms: () => account.kms(), roleArn: () => undefined };
  activities = createActivities({ aws: clients, settings, waits: REAL_WAITS } as unknown as ActivityDeps);
});
afterAll(() => aws.stop());

describe('what is waited for, and deleted meanwhile', () => {
  beforeEach(() => aws.control.post('clock', { speed: 'instant' }));

  it('is tested of every activity that waits', () => {
    const names = Object.keys(activities).filter((name) => /^(await|waitFor|watch)[A-Z]/.test(name));
    expect([...Object.keys(WAITS), ...BOUNDED].sort()).toEqual(names.sort());
  });

  const rows = Object.entries(WAITS).flatMap(([name, cases]) =>
    Object.entries(cases).map(([what, setUp]) => [name, what, setUp] as const),
  );

  it.each(rows)('%s of one %s ends, and says so', async (_name, _what, setUp) => {
    const { run, vanish, says } = await setUp();
    const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: 30_000 }, { logger });
    let beats = 0;
    environment.on('heartbeat', () => void beats++);
    const waiting = environment.run(run).then(
      () => 'it ended as if it were there',
      (failure: ApplicationFailure) => failure,
    );
    await until(() => beats >= 3);
    await vanish();
    const failure = await waiting;
    expect(failure).toMatchObject({ nonRetryable: true });
    const { type, message } = failure as ApplicationFailure;
    expect(`${type} ${message}`).toMatch(says);
  });
});

describe('what is asked for once an attempt, and not shown', () => {
  const looks: [string, () => Promise<unknown>, RegExp][] = [
    [
      'readImage',
      () => activities.readImage({ target: target(), amiId: 'ami-0123456789abcdef0' }),
      /image ami-0123456789abcdef0 in .* does not exist/,
    ],
    [
      'ensureAttached',
      () =>
        activities.ensureAttached({
          target: target(),
          instanceId: 'i-0123456789abcdef0',
          devices: { 'vol-0123456789abcdef0': '/dev/sdf' },
        }),
      /vol-0123456789abcdef0 in .* is not there any more/,
    ],
  ];

  it.each(looks)('%s is asked for again, and gone after the read lag', async (_, look, says) => {
    const at = (ms: number) =>
      new MockActivityEnvironment(
        { attempt: 2, scheduledTimestampMs: 1000, currentAttemptScheduledTimestampMs: 1000 + ms },
        { logger },
      ).run(look);
    await expect(at(100)).rejects.toMatchObject({ type: 'NotYetVisible', nonRetryable: false });
    const gone = at(500);
    await expect(gone).rejects.toMatchObject({ type: 'NotFound', nonRetryable: true });
    await expect(gone).rejects.toThrow(says);
  });
});
