import {
  CancelCapacityReservationCommand,
  DescribeCapacityReservationsCommand,
  type CapacityReservation,
} from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../src/model/failures';
import type { Fault } from '../../support/awsProxy';
import { AwsServer } from '../../support/awsServer';
import { awaitResult } from '../../support/awaitResult';
import { failedResult } from '../../support/failure';
import { MigrationWorld } from '../../support/migration';
import { anInstance, stopped, tagsOf } from '../../support/seed';
import { until } from '../../support/until';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('reserveCapacity', () => {
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

  const machine = async () => (await anInstance(migrations.world.home)).instanceId;
  const encrypt = (instanceId: string) =>
    migrations.encrypt({ instanceIds: [instanceId], reserveCapacity: true });
  const failed = (instanceId: string) =>
    failedResult<EncryptVolumesResult>(encrypt(instanceId), FAILURE.allFailed);
  const calls = (...actions: string[]) =>
    migrations.world.proxy.calls.map(({ action }) => action).filter((action) => actions.includes(action));
  async function reservations(): Promise<CapacityReservation[]> {
    const { CapacityReservations = [] } = await migrations.world.home
      .ec2()
      .send(new DescribeCapacityReservationsCommand({}));
    return CapacityReservations;
  }
  const open = async () => (await reservations()).filter(({ State }) => State === 'active').length;

  it('keeps a place from before the stop until the machine is well', async () => {
    const instanceId = await machine();
    let made: CapacityReservation[] = [];
    const seen = migrations.meanwhile('StopInstances', async () => {
      made = (await reservations()).filter(({ State }) => State === 'active');
    });
    await encrypt(instanceId);
    await seen;
    expect(made).toMatchObject([
      {
        InstanceType: 't3.micro',
        InstancePlatform: 'Linux/UNIX',
        InstanceMatchCriteria: 'open',
        TotalInstanceCount: 1,
        EndDateType: 'limited',
      },
    ]);
    expect(Object.keys(tagsOf({ Tags: made[0]?.Tags }))).toContain('holdfast:migration');
    const ends = (made[0]?.EndDate?.getTime() ?? 0) - Date.now();
    expect(ends).toBeGreaterThan(80 * 60_000);
    expect(ends).toBeLessThan(91 * 60_000);
    expect(
      calls('CreateCapacityReservation', 'StopInstances', 'StartInstances', 'CancelCapacityReservation'),
    ).toEqual(['CreateCapacityReservation', 'StopInstances', 'StartInstances', 'CancelCapacityReservation']);
    expect(await open()).toBe(0);
  });

  it('does not stop the machine where there is no capacity', async () => {
    const instanceId = await machine();
    const before = await migrations.stateOf(instanceId);
    const none = { code: 'InsufficientInstanceCapacity', message: 'none left', status: 500 };
    migrations.world.proxy.fault('CreateCapacityReservation', { before: none });
    const { rolledBack } = await failed(instanceId);
    expect(rolledBack.items[0]?.message).toMatch(
      /QuotaExceeded: there is no spare capacity for one more t3\.micro \(Linux\/UNIX\) in us-east-1a .*It was not stopped/,
    );
    expect(calls('CreateCapacityReservation', 'StopInstances')).toEqual(['CreateCapacityReservation']);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('makes one only when the answer is lost, and cancels it', async () => {
    const instanceId = await machine();
    const count = (await reservations()).length;
    migrations.world.proxy.fault('CreateCapacityReservation', { after: 'lose the response' }, 1);
    await encrypt(instanceId);
    expect(await reservations()).toHaveLength(count + 1);
    expect(await open()).toBe(0);
  });

  it.each<[string, string, Fault]>(
    ['CreateCapacityReservation', 'DescribeCapacityReservations', 'CancelCapacityReservation'].flatMap(
      (action): [string, string, Fault][] => [
        [action, 'fails once', { before: { code: 'InternalError', status: 500 } }],
        [action, 'takes effect unheard', { after: 'lose the response' }],
      ],
    ),
  )('survives that %s %s', async (action, _, fault) => {
    const instanceId = await machine();
    const before = await open();
    migrations.world.proxy.fault(action, fault, 1);
    expect((await encrypt(instanceId)).encrypted.total).toBe(1);
    expect(await open()).toBe(before);
  });

  it('waits for a person where it cannot be cancelled in an undo', async () => {
    const instanceId = await machine();
    const before = await migrations.stateOf(instanceId);
    const { proxy } = migrations.world;
    proxy.fault('DescribeInstanceStatus', REFUSED);
    proxy.fault('CancelCapacityReservation', REFUSED, 1);
    const campaign = await migrations.start({ instanceIds: [instanceId], reserveCapacity: true });
    await migrations.phase(migrations.machine(instanceId), 'Needs a person');
    await migrations.tell(instanceId, 'resume');
    await failedResult(awaitResult(campaign), FAILURE.allFailed);
    expect(await open()).toBe(0);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('keeps it for the start of a rollback, and cancels it then', async () => {
    const instanceId = await machine();
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault('DescribeInstanceStatus', REFUSED);
    await failed(instanceId);
    expect(calls('StartInstances', 'CancelCapacityReservation')).toEqual([
      'StartInstances',
      'StartInstances',
      'CancelCapacityReservation',
    ]);
    expect(await open()).toBe(0);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('is found by whoever takes up a terminated migration', async () => {
    const instanceId = await machine();
    const input = { instanceIds: [instanceId], reserveCapacity: true };
    const campaign = await migrations.startAnd(input, 'StopInstances', async () => {
      await (await migrations.pinned(instanceId)).terminate('test');
    });
    await campaign.terminate('test');
    await until(async () => (await open()) === 1);
    await migrations.encrypt({ instanceIds: [instanceId] });
    expect(await open()).toBe(0);
    expect((await migrations.stateOf(instanceId)).disks.every(({ encrypted }) => encrypted)).toBe(true);
  });

  it('is left to end by itself, and no reason to undo, where it cannot be cancelled', async () => {
    const instanceId = await machine();
    migrations.world.proxy.fault('CancelCapacityReservation', REFUSED);
    const result = await encrypt(instanceId);
    expect(result.encrypted.total).toBe(1);
    expect(await open()).toBe(1);
    for (const { CapacityReservationId, State } of await reservations())
      if (State === 'active')
        await migrations.world.home
          .ec2()
          .send(new CancelCapacityReservationCommand({ CapacityReservationId }));
  });

  it('touches nothing where the role may not list reservations', async () => {
    const instanceId = await machine();
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault('DescribeCapacityReservations', REFUSED);
    const { rolledBack } = await failed(instanceId);
    expect(rolledBack.items[0]?.message).toContain('ec2:DescribeCapacityReservations');
    expect(calls('CreateCapacityReservation', 'StopInstances')).toEqual([]);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('is not asked for a machine that is stopped', async () => {
    const instanceId = await machine();
    await stopped(migrations.world.home, instanceId);
    await encrypt(instanceId);
    expect(calls('CreateCapacityReservation')).toEqual([]);
  });
});
