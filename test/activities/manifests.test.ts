import type { EC2Client, Instance } from '@aws-sdk/client-ec2';
import { writeManifest } from '../../src/activities/manifests';
import { MemoryStore } from '../support/memoryStore';

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
  const manifest = async (Name: 'running' | 'stopped' | 'stopping', launchedAt = 1) => {
    const instance: Instance = { InstanceId: 'i-1', LaunchTime: new Date(launchedAt), State: { Name } };
    const hash = await writeManifest(store, ec2, instance, []);
    return JSON.parse((await store.get(`${hash}.json`)) ?? '') as { userData: string };
  };

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
});
