import {
  CreateCapacityReservationCommand,
  DescribeCapacityReservationsCommand,
  type _InstanceType as InstanceType,
  type CapacityReservation,
} from '@aws-sdk/client-ec2';
import { MockActivityEnvironment } from '@temporalio/testing';
import { capacityActivities } from '../../../src/activities/machines/capacity';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../src/model/failures';
import { AwsServer } from '../../support/awsServer';
import { awaitResult } from '../../support/awaitResult';
import { failedResult } from '../../support/failure';
import { MigrationWorld } from '../../support/migration';
import { anInstance, tagsOf } from '../../support/seed';
import { until } from '../../support/until';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

/** Whoever makes a reservation like another one may take all of its tags over. */
describe("somebody's capacity reservation with all tags of a migration's", () => {
  let aws: AwsServer;
  let migrations: MigrationWorld;

  beforeAll(async () => {
    // Reservations end by the clock of AWS, which runs far ahead where tests share one.
    aws = await AwsServer.start('--speed', 'instant');
    migrations = await MigrationWorld.open({ aws: aws.endpoint });
  });
  afterAll(async () => {
    await migrations.close();
    aws.stop();
  });
  beforeEach(() => migrations.world.proxy.reset());

  const ec2 = () => migrations.account.ec2();
  const machine = async () => (await anInstance(migrations.account)).instanceId;
  const input = (instanceId: string) => ({ instanceIds: [instanceId], reserveCapacity: true });

  async function reservations(): Promise<CapacityReservation[]> {
    return (await ec2().send(new DescribeCapacityReservationsCommand({}))).CapacityReservations ?? [];
  }
  const migrationOf = (reservation: CapacityReservation) => tagsOf(reservation)['holdfast:migration'];

  /** Of the newest that a migration has made: the same in all that is said of it, but for when it ends. */
  async function copied(more: { InstanceType?: InstanceType; EndDate?: Date } = {}): Promise<string> {
    const of = (await reservations()).filter(({ State }) => State === 'active').at(-1);
    const { CapacityReservation: made } = await ec2().send(
      new CreateCapacityReservationCommand({
        InstanceType: of?.InstanceType,
        InstancePlatform: of?.InstancePlatform,
        AvailabilityZone: of?.AvailabilityZone,
        Tenancy: of?.Tenancy,
        InstanceCount: 1,
        InstanceMatchCriteria: 'open',
        EndDateType: 'limited',
        EndDate: new Date(Date.now() + 10 * 86_400_000),
        TagSpecifications: [{ ResourceType: 'capacity-reservation', Tags: of?.Tags }],
        ...more,
      }),
    );
    return made?.CapacityReservationId ?? '';
  }

  /** All of the migration that a copy carries the tags of: what is open, and what is not any more. */
  async function ofMigration(copy: string) {
    const all = await reservations();
    const marked = all.find(({ CapacityReservationId }) => CapacityReservationId === copy);
    const alike = all.filter((each) => migrationOf(each) === migrationOf(marked ?? {}));
    const inState = (state: string) =>
      alike.filter(({ State }) => State === state).map(({ CapacityReservationId }) => CapacityReservationId);
    return { open: inState('active'), cancelled: inState('cancelled').length };
  }

  it('is there after the migration, whose own is not', async () => {
    const instanceId = await machine();
    let copy = '';
    const made = migrations.meanwhile('StopInstances', async () => void (copy = await copied()));
    const { encrypted } = await migrations.encrypt(input(instanceId));
    await made;
    expect(encrypted.total).toBe(1);
    expect(await ofMigration(copy)).toEqual({ open: [copy], cancelled: 1 });
  });

  it('is there after an undo, whose own is not', async () => {
    const instanceId = await machine();
    const before = await migrations.stateOf(instanceId);
    let copy = '';
    const made = migrations.meanwhile('StopInstances', async () => void (copy = await copied()));
    migrations.world.proxy.fault('DescribeInstanceStatus', REFUSED);
    await failedResult<EncryptVolumesResult>(migrations.encrypt(input(instanceId)), FAILURE.allFailed);
    await made;
    expect(await ofMigration(copy)).toEqual({ open: [copy], cancelled: 1 });
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('is there where the run was never told the id of its own', async () => {
    const instanceId = await machine();
    const before = await migrations.stateOf(instanceId);
    const active = async () => (await reservations()).filter(({ State }) => State === 'active').length;
    const count = await active();
    migrations.world.proxy.fault('CreateCapacityReservation', { after: 'lose the response' });
    const campaign = await migrations.start(input(instanceId));
    await until(async () => (await active()) === count + 1);
    const copy = await copied();
    await migrations.machine(instanceId).cancel();
    await failedResult(awaitResult(campaign), FAILURE.allFailed);
    expect(await ofMigration(copy)).toEqual({ open: [copy], cancelled: 1 });
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  describe('and a migration that was terminated', () => {
    async function takenUp(more: Parameters<typeof copied>[0]) {
      const instanceId = await machine();
      let copy = '';
      const campaign = await migrations.startAnd(input(instanceId), 'StopInstances', async () => {
        copy = await copied(more);
        await (await migrations.pinned(instanceId)).terminate('test');
      });
      await campaign.terminate('test');
      await until(async () => (await ofMigration(copy)).open.length === 2);
      await migrations.encrypt({ instanceIds: [instanceId] });
      const { disks } = await migrations.stateOf(instanceId);
      expect(disks.every(({ encrypted }) => encrypted)).toBe(true);
      return { copy, ...(await ofMigration(copy)), run: migrations.machine(instanceId) };
    }

    it('is there where it is for another kind of machine', async () => {
      const { copy, open, cancelled } = await takenUp({ InstanceType: 'm5.large' });
      expect({ open, cancelled }).toEqual({ open: [copy], cancelled: 1 });
    });

    it('is there with the true one where none of both can be told, and both are named', async () => {
      const { copy, open, cancelled, run } = await takenUp({});
      expect(open).toContain(copy);
      expect({ open: open.length, cancelled }).toEqual({ open: 2, cancelled: 0 });
      const { rows } = await run.query<{ rows: { item: string; state: string; note?: string }[] }>(
        'progress',
      );
      const row = rows.find(({ item }) => item === 'capacity');
      expect(row).toMatchObject({ state: 'not released' });
      for (const id of open) expect(row?.note).toContain(id);
    });
  });

  describe('asked for as runs of 0.1.0 do', () => {
    const activities = () => capacityActivities(migrations.world.deps);
    const run = <Result>(act: () => Promise<Result>) => new MockActivityEnvironment().run(act);

    async function two() {
      const instanceId = await machine();
      const asked = { target: migrations.target, migrationId: `mig-${instanceId}` };
      const endsAtMs = Date.now() + 3_600_000;
      await run(() => activities().reserveCapacity({ ...asked, instanceId, endsAtMs }));
      return { asked, copy: await copied() };
    }

    it('is not cancelled, and neither is the true one', async () => {
      const { asked, copy } = await two();
      const cancelled = run(() => activities().cancelCapacity({ ...asked, mayBeNew: false }));
      await expect(cancelled).rejects.toMatchObject({ type: FAILURE.ambiguousOwner });
      expect((await ofMigration(copy)).open).toHaveLength(2);
    });

    it('is not waited for', async () => {
      const { asked } = await two();
      const waited = run(() => activities().awaitCapacity(asked));
      await expect(waited).rejects.toMatchObject({ type: FAILURE.ambiguousOwner });
    });
  });
});
