import type { EC2Client, Instance } from '@aws-sdk/client-ec2';
import { writeManifest } from '../../../src/activities/backup/manifests';
import { UserData } from '../../../src/activities/backup/userData';
import { MemoryStore } from '../../support/memoryStore';

describe('user data in a manifest', () => {
  let userData = '';
  let asked = 0;
  const ec2 = {
    send: () => {
      asked += 1;
      return Promise.resolve({ UserData: { Value: userData } });
    },
  } as unknown as EC2Client;
  const store = new MemoryStore();
  const manifestOf = async (instance: Instance, asks = new UserData(store, ec2, 1)) => {
    const hash = await writeManifest(store, instance, [], await asks.of(instance));
    return JSON.parse((await store.get(`${hash}.json`)) ?? '') as { userData?: string; userDataIn?: string };
  };
  const manifest = (Name: 'running' | 'stopped' | 'stopping', launchedAt = 1) =>
    manifestOf({ InstanceId: 'i-1', LaunchTime: new Date(launchedAt), State: { Name } });

  it('is asked for once while the machine runs, and anew while it may change', async () => {
    userData = 'as started';
    expect(await manifest('running')).toMatchObject({ userData });
    expect(await manifest('running')).toMatchObject({ userData });
    expect(asked).toBe(1);
    userData = 'changed after the stop';
    expect(await manifest('stopped')).toMatchObject({ userData });
    userData = 'changed once more';
    expect(await manifest('stopped')).toMatchObject({ userData });
    expect(await manifest('running', 2)).toMatchObject({ userData });
  });

  it('of many new machines is asked for over some runs, and a manifest says where a later one keeps it', async () => {
    userData = 'of many';
    const many = Array.from({ length: 200 }, (_, index): Instance => ({
      ...{ InstanceId: `i-of-many-${index}`, LaunchTime: new Date(1), State: { Name: 'running' } },
    }));
    const run = async () => {
      asked = 0;
      const asks = new UserData(store, ec2, many.length);
      return Promise.all(many.map((instance) => manifestOf(instance, asks)));
    };
    const first = await run();
    expect(asked).toBe(25);
    const later = first.flatMap(({ userDataIn }) => userDataIn ?? []);
    expect(later).toHaveLength(175);
    for (let number = 2; number <= 8; number++) await run();
    for (const key of later) expect(JSON.parse((await store.get(key)) ?? '')).toMatchObject({ userData });
    expect((await run()).every((each) => each.userData === userData)).toBe(true);
    expect(asked).toBe(0);
  });
});
