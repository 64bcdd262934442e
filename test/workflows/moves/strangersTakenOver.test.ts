import { CreateTagsCommand, DeleteTagsCommand } from '@aws-sdk/client-ec2';
import { awaitResult } from '../../support/awaitResult';
import { MigrationWorld, STRATEGIES } from '../../support/migration';
import { tagsOf } from '../../support/seed';
import { throughout } from '../../support/throughout';
import { expectMigrated, PHASES, watchedMachine } from './strangersCopies';

describe('what somebody has copied, with all tags and descriptions', () => {
  const migrations = throughout(() => MigrationWorld.open());
  const ec2 = () => migrations().account.ec2();

  it.each(PHASES)(
    'is untouched by the run after a %s that was terminated at %s (%s)',
    async (strategy, action, nth) => {
      const watched = await watchedMachine(migrations());
      const { instanceId, strangers } = watched;
      const input = { instanceIds: [instanceId], strategy };
      const terminated = migrations().meanwhile(
        action,
        async () => {
          await migrations().machine(instanceId).terminate('test');
          await strangers.copyAll();
        },
        nth,
      );
      const campaign = await migrations().start(input, { limits: { timer: 1_000 } });
      await terminated;
      await expect(awaitResult(campaign)).rejects.toThrow();
      migrations().reset();
      await migrations().encrypt(input);
      await migrations().tell(instanceId, 'commit');
      await awaitResult(migrations().machine(instanceId));
      await expectMigrated(migrations(), watched);
    },
  );

  it.each(STRATEGIES)(
    'is untouched by the run that takes over the soak of a %s of 0.1.0',
    async (strategy) => {
      const watched = await watchedMachine(migrations());
      const { instanceId, strangers } = watched;
      await migrations().encrypt({ instanceIds: [instanceId], strategy });
      await migrations().machine(instanceId).terminate('test');
      await withMarksOfBefore(instanceId);
      await strangers.copyAll();
      const result = await migrations().encrypt({ instanceIds: [instanceId], strategy });
      expect(result.encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
      await migrations().tell(instanceId, 'commit');
      await awaitResult(migrations().machine(instanceId));
      await expectMigrated(migrations(), watched);
    },
  );

  it('on another machine, a mark of a migration counts for nothing', async () => {
    const { instanceId } = await watchedMachine(migrations());
    await migrations().encrypt({ instanceIds: [instanceId] });
    const twin = await watchedMachine(migrations());
    const Tags = [await markOf(instanceId)];
    await ec2().send(new CreateTagsCommand({ Resources: [twin.instanceId], Tags }));
    const result = await migrations().encrypt({ instanceIds: [twin.instanceId] });
    expect(result.encrypted.items).toMatchObject([{ instanceId: twin.instanceId, volumes: 2 }]);
    await migrations().tell(twin.instanceId, 'commit');
    await awaitResult(migrations().machine(twin.instanceId));
    await expectMigrated(migrations(), twin);
    await migrations().tell(instanceId, 'commit');
    expect(await awaitResult(migrations().machine(instanceId))).toMatchObject({ committed: true });
  });

  async function markOf(instanceId: string) {
    const Key = 'holdfast:migration';
    return { Key, Value: tagsOf(await migrations().instance(instanceId))[Key] ?? '' };
  }

  /** 0.1.0 wrote three words on the machine, and four on an original. */
  async function withMarksOfBefore(instanceId: string): Promise<void> {
    const { Value: mark } = await markOf(instanceId);
    await rewrite(instanceId, 'holdfast:migration', words(mark, 3));
    const Key = 'holdfast:original';
    const marked = await migrations().volumes({ Name: 'tag-key', Values: [Key] });
    const originals = marked.filter((volume) => tagsOf(volume)[Key]?.startsWith(words(mark, 1)));
    for (const volume of originals) {
      await ec2().send(new DeleteTagsCommand({ Resources: [volume.VolumeId ?? ''], Tags: [{ Key }] }));
      await rewrite(volume.VolumeId, Key, words(tagsOf(volume)[Key], 4));
    }
  }

  function rewrite(id = '', Key: string, Value: string) {
    return ec2().send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
  }
});

function words(text = '', count: number): string {
  return text.split(' ').slice(0, count).join(' ');
}
