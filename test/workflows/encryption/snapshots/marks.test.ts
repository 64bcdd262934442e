import { randomUUID } from 'node:crypto';
import type { Snapshot } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import { encryptionIdOf } from '../../../../src/activities/encryption/snapshots/copyRecords';
import { copyMarks } from '../../../../src/model/encryption/snapshots/encryptedCopy';
import { FAILURE } from '../../../../src/model/failures';
import type { EncryptSnapshotsResult } from '../../../../src/model/encryption/snapshots/snapshotEncryption';
import { awaitResult } from '../../../support/awaitResult';
import { failureOf } from '../../../support/failure';
import { tagsOf } from '../../../support/seed';
import { SnapshotWorld } from '../../../support/snapshotEncryption';

let snapshots: SnapshotWorld;

/** What the run is about, somebody's own data of the same size, and a snapshot that nobody asked about. */
interface Three {
  original: string;
  theirs: string;
  bystander: string;
}

/** What somebody makes of their own data with all the marks of another snapshot. */
const STRANGERS: Record<string, (like: Snapshot, three: Three) => Promise<string>> = {
  'a copy with the marks of the copy': ({ Description = '', ...like }, { theirs }) =>
    snapshots.copiedBySomebody(theirs, Description, tagsOf(like)),
  'a copy with its marks that names a snapshot which nobody asked about': (
    { Description = '', ...like },
    { theirs, bystander },
  ) =>
    snapshots.copiedBySomebody(theirs, Description, {
      ...tagsOf(like),
      'holdfast:encrypted-from': bystander,
    }),
  'a copy with its marks, committed by the look of it': ({ Description = '', ...like }, { theirs }) => {
    const { 'holdfast:uncommitted': _, ...tags } = tagsOf(like);
    return snapshots.copiedBySomebody(theirs, Description, tags);
  },
  'a snapshot with the marks of the original': async (_, { original, bystander }) => {
    const like = (await snapshots.snapshot(original)) ?? (await snapshots.snapshot(bystander)) ?? {};
    return snapshots.snapshotBySomebody(like.Description ?? '', tagsOf(like));
  },
  'a snapshot with the marks of the copy': ({ Description = '', ...like }) =>
    snapshots.snapshotBySomebody(Description, tagsOf(like)),
};

async function three(): Promise<Three> {
  const [original = '', theirs = '', bystander = ''] = await snapshots.someSnapshots(randomUUID(), 3);
  return { original, theirs, bystander };
}

/** The marks that a run's copy of a snapshot will carry, before there is one. */
async function marksToCome(original: string, workflowId: string): Promise<Snapshot> {
  const snapshot = await snapshots.snapshot(original);
  const facts = {
    snapshotId: original,
    volumeId: snapshot?.VolumeId ?? '',
    tags: tagsOf(snapshot ?? {}),
    description: snapshot?.Description ?? '',
    startedAt: snapshot?.StartTime?.getTime() ?? 0,
  };
  const id = encryptionIdOf(original, snapshots.key);
  const { tags, description } = copyMarks(facts, { workflowId, runId: randomUUID() }, id);
  return {
    Description: description,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

const run = ({ original }: Three) => ({ snapshotIds: [original] });
const commit = (handle: WorkflowHandle) => snapshots.tell(handle, 'commit');

interface Phase {
  /** Plays a run; the stranger comes in at this phase. */
  play: (of: Three, stranger: (like: Snapshot) => Promise<void>) => Promise<WorkflowHandle>;
  ends: 'committed' | 'undone';
}

const PHASES: Record<string, Phase> = {
  'before it plans': {
    ends: 'committed',
    async play(of, stranger) {
      const workflowId = `planned-${randomUUID()}`;
      await stranger(await marksToCome(of.original, workflowId));
      const handle = await snapshots.copied(run(of), { workflowId });
      await commit(handle);
      return handle;
    },
  },
  'while it copies': {
    ends: 'committed',
    async play(of, stranger) {
      const came = whileItCopies(of, stranger);
      const handle = await snapshots.copied(run(of));
      await came;
      await commit(handle);
      return handle;
    },
  },
  'while it copies and is cancelled': {
    ends: 'undone',
    async play(of, stranger) {
      const workflowId = `cancelled-${randomUUID()}`;
      const handle = snapshots.world.client.workflow.getHandle(workflowId);
      const came = whileItCopies(of, stranger, () => handle.cancel());
      await snapshots.start(run(of), { workflowId });
      await came;
      return handle;
    },
  },
  'while it waits': {
    ends: 'committed',
    async play(of, stranger) {
      const handle = await snapshots.copied(run(of));
      await stranger(await snapshots.copyOf(of.original));
      await commit(handle);
      return handle;
    },
  },
  'while it waits, to be rolled back': {
    ends: 'undone',
    async play(of, stranger) {
      const handle = await snapshots.copied(run(of));
      await stranger(await snapshots.copyOf(of.original));
      await snapshots.tell(handle, 'rollback');
      return handle;
    },
  },
  'after its commit, before another run': {
    ends: 'committed',
    async play(of, stranger) {
      const handle = await snapshots.copied(run(of));
      const copy = await snapshots.copyOf(of.original);
      await commit(handle);
      await awaitResult(handle);
      await stranger((await snapshots.snapshot(copy.SnapshotId ?? '')) ?? {});
      const more = await snapshots.someSnapshots(randomUUID(), 1);
      await snapshots.committed({ snapshotIds: more });
      return handle;
    },
  },
  'before another run takes it over': {
    ends: 'committed',
    async play(of, stranger) {
      const terminated = await snapshots.copied(run(of));
      await stranger(await snapshots.copyOf(of.original));
      await terminated.terminate('somebody is in a hurry');
      const handle = await snapshots.copied(run(of));
      await commit(handle);
      return handle;
    },
  },
};

/** The copy is there, and its answer under way. */
async function whileItCopies(
  { original }: Three,
  stranger: (like: Snapshot) => Promise<void>,
  then: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const held = async () => {
      snapshots.world.proxy.reset();
      await stranger(await snapshots.copyOf(original));
      await then();
    };
    snapshots.world.proxy.fault('CopySnapshot', { held: () => held().then(resolve, reject) }, 1);
  });
}

const CASES = Object.keys(PHASES).flatMap((phase) =>
  Object.keys(STRANGERS).map((stranger) => [stranger, phase] as const),
);

describe('what somebody has copied with all of Holdfast’s marks', () => {
  beforeAll(async () => {
    snapshots = await SnapshotWorld.open();
  });
  afterAll(() => snapshots.close());
  beforeEach(() => snapshots.reset());

  it.each(CASES)('%s, %s, is there afterwards as it was', async (kind, phase) => {
    const of = await three();
    const { play, ends } = PHASES[phase]!;
    let made: Snapshot | undefined;
    const handle = await play(of, async (like) => {
      const id = (await STRANGERS[kind]?.(like, of)) ?? '';
      made = await snapshots.snapshot(id);
    });
    if (ends === 'committed') {
      const result = await awaitResult<EncryptSnapshotsResult>(handle);
      const copyId = result.snapshotIdMap[of.original] ?? '';
      expect(copyId).not.toBe(made?.SnapshotId);
      expect(await snapshots.snapshot(copyId)).toMatchObject({ State: 'completed', Encrypted: true });
      expect(await snapshots.snapshot(of.original)).toBeUndefined();
    } else {
      await expect(awaitResult(handle)).rejects.toThrow();
      expect(await snapshots.snapshot(of.original)).toBeDefined();
    }
    expect(made).toBeDefined();
    expect(await snapshots.snapshot(made?.SnapshotId ?? '')).toEqual(made);
    expect(await snapshots.snapshot(of.theirs)).toBeDefined();
    expect(await snapshots.snapshot(of.bystander)).toBeDefined();
    // Of what the run itself has made nothing else is left.
    const left = await snapshots.tagged('holdfast:workflow', handle.workflowId);
    const own = left.filter(({ SnapshotId }) => SnapshotId !== made?.SnapshotId);
    expect(own).toHaveLength(ends === 'committed' ? 1 : 0);
  });

  it('is named where nothing tells which of them the run has made, and none is touched', async () => {
    const of = await three();
    const workflowId = `lost-${randomUUID()}`;
    const handle = snapshots.world.client.workflow.getHandle(workflowId);
    let stranger = '';
    const came = new Promise<void>((resolve, reject) => {
      const held = async () => {
        const copy = await snapshots.copyOf(of.original);
        stranger = (await STRANGERS['a copy with the marks of the copy']?.(copy, of)) ?? '';
        await handle.cancel();
        // The answer is lost: of this copy the run never hears.
        throw new Error('lost');
      };
      snapshots.world.proxy.fault(
        'CopySnapshot',
        {
          held: () =>
            held().catch(
              (error: Error) => (error.message === 'lost' ? resolve() : reject(error), Promise.reject(error)),
            ),
        },
        1,
      );
    });
    await snapshots.start({ snapshotIds: [of.original] }, { workflowId });
    await came;
    const failure = await failureOf(awaitResult(handle)).catch((error: Error) => error);
    expect(failure).not.toMatchObject({ type: FAILURE.allFailed });
    expect(await snapshots.tagged('holdfast:encrypted-from', of.original)).toHaveLength(2);
    expect(await snapshots.snapshot(stranger)).toBeDefined();
    expect(await snapshots.snapshot(of.original)).toBeDefined();
    const { rows } = await handle.query<{ rows: { item: string; state: string; note?: string }[] }>(
      'progress',
    );
    expect(rows.find(({ state }) => state === 'failed')?.note).toContain(stranger);
  });
});
