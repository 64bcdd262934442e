import { Context } from '@temporalio/activity';
import {
  CancelCapacityReservationCommand,
  CreateCapacityReservationCommand,
  DescribeCapacityReservationsCommand,
  paginateDescribeCapacityReservations,
  type CapacityReservation,
  type CapacityReservationInstancePlatform,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { finalFailure } from '../../aws/applicationFailures';
import { planCapacity, type CapacityFacts, type CapacityPlan } from '../../model/machines/capacity';
import { FAILURE } from '../../model/failures';
import { ownDescription, TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { Sightings } from '../support/gone';
import { clientToken, findInTime } from '../support/idempotency';
import { requireInstance } from './facts';
import { told, withId, type KnownInstance, type Told } from '../support/known';
import { theOnly } from '../support/proof';
import { readInstance } from '../support/sharedReads';
import { isDenied } from '../support/unlessDenied';
import { unlessGone } from '../support/unlessGone';
import { sleep } from '../support/pace/waits';

interface OfMigration {
  target: Target;
  migrationId: string;
}

export interface Reserved {
  reservationId?: string;
  /** Why there is none. */
  needless?: string;
}

/** Nothing is left, or the account may have no more: waiting keeps a machine from nothing but its migration. */
const NO_CAPACITY =
  /^(InsufficientInstanceCapacity|InsufficientCapacity|InstanceLimitExceeded|VcpuLimitExceeded|ReservationCapacityExceeded|.*LimitExceeded)$/;

/** Room for a machine to start again: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-reservations.html */
export function capacityActivities({ aws, settings }: ActivityDeps) {
  return {
    /**
     * Reserves what one more machine of its kind needs. It ends by itself at that time, whatever becomes of Holdfast.
     *
     * @throws ApplicationFailure QuotaExceeded, non-retryable, when there is no capacity
     */
    async reserveCapacity(asked: OfMigration & { instanceId: string; endsAtMs: number }): Promise<Reserved> {
      const { target, migrationId, instanceId, endsAtMs } = asked;
      const ec2 = aws.ec2(target, 'migrate');
      // Who may not list reservations could not find its own to cancel it.
      await listReservations(ec2, migrationId);
      const plan = planCapacity(capacityFacts(await requireInstance(ec2, target, instanceId)));
      if (plan.kind === 'needless') return { needless: plan.why };
      if (plan.kind === 'impossible')
        throw finalFailure(
          FAILURE.notMigratable,
          `${instanceId} in ${targetKey(target)}: no capacity can be reserved: ${plan.why}`,
        );
      return { reservationId: await reserve(ec2, target, plan, migrationId, endsAtMs) };
    },

    /**
     * Runs of 0.1.0 do not say which one they made.
     *
     * @throws ApplicationFailure ResourceFailed when it came to nothing, AmbiguousOwner where several may be it
     */
    async awaitCapacity({
      target,
      migrationId,
      reservationId,
    }: OfMigration & { reservationId?: string }): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const sightings = new Sightings(settings);
      for (let looks = 1; ; looks++) {
        Context.current().heartbeat({ looks });
        const own = reservationId
          ? await readReservation(ec2, reservationId)
          : theOnlyOne((await listReservations(ec2, migrationId)).filter(isAsMade), migrationId);
        const isGone = sightings.gone([migrationId], own ? [migrationId] : []).length > 0;
        const state = isGone ? 'gone: somebody has cancelled it' : own?.State;
        if (state === 'active') return;
        if (state !== undefined && state !== 'pending')
          throw finalFailure(
            FAILURE.resourceFailed,
            `the capacity reservation of ${migrationId} in ${targetKey(target)} is ${state}`,
          );
        await sleep(settings.pollMs);
      }
    },

    /**
     * Cancels what the migration has reserved, if anything. An answer that was lost needs a second, later look. Without
     * the id that the run was told, it is the one that EC2 itself describes as what was asked for: a tag finds copies
     * of the tag too.
     *
     * @returns what was cancelled; and where several may be it, those, of which none was
     */
    async cancelReservation(asked: Reservation & { mayBeNew: boolean }): Promise<{
      cancelled: string[];
      unsure: string[];
    }> {
      const ec2 = aws.ec2(asked.target, 'migrate');
      const own = await findOpenNow(asked, () => findOwn(ec2, asked));
      if (own.length > 1) return { cancelled: [], unsure: own };
      await cancel(ec2, own);
      return { cancelled: own, unsure: [] };
    },

    /**
     * As runs of 0.1.0 ask for it: by the migration alone.
     *
     * @throws ApplicationFailure AmbiguousOwner where several may be it; none is cancelled
     */
    async cancelCapacity({
      target,
      migrationId,
      mayBeNew,
    }: OfMigration & { mayBeNew: boolean }): Promise<string[]> {
      const ec2 = aws.ec2(target, 'migrate');
      const look = async () => (await findOpen(ec2, migrationId)).filter(isAsMade);
      const own = await findOpenNow({ mayBeNew }, look);
      theOnlyOne(own, migrationId);
      const ids = own.map(idOf);
      await cancel(ec2, ids);
      return ids;
    },
  };

  async function findOpenNow<Item>(
    { mayBeNew, reservationId }: { mayBeNew: boolean; reservationId?: string },
    look: () => Promise<Item[]>,
  ): Promise<Item[]> {
    const find = async () => {
      const found = await look();
      return found.length > 0 ? found : undefined;
    };
    const open = await (mayBeNew ? findInTime(settings, find) : find()).catch((error: unknown) => {
      // Then it has reserved nothing: see above.
      if (reservationId === undefined && isDenied(error)) return undefined;
      throw error;
    });
    return open ?? [];
  }
}

/** What a migration has reserved, as far as the run knows it. */
interface Reservation extends OfMigration {
  instanceId: string;
  reservationId?: string;
  /** When it was asked to end. */
  endsAtMs?: number;
}

/** EC2 keeps no fractions of a second. */
const SAME_END_MS = 60_000;

async function findOwn(
  ec2: EC2Client,
  { migrationId, instanceId, reservationId, endsAtMs }: Reservation,
): Promise<string[]> {
  if (reservationId) {
    const own = await readReservation(ec2, reservationId);
    return own && isOpen(own) ? [reservationId] : [];
  }
  const instance = await readInstance(ec2, instanceId);
  const isOfMachine = ({ InstanceType, AvailabilityZone, Tenancy }: CapacityReservation) =>
    !instance ||
    (InstanceType === instance.InstanceType &&
      AvailabilityZone === instance.Placement?.AvailabilityZone &&
      Tenancy === (instance.Placement?.Tenancy ?? 'default'));
  const endsThen = ({ EndDate }: CapacityReservation) =>
    endsAtMs === undefined || Math.abs((EndDate?.getTime() ?? 0) - endsAtMs) < SAME_END_MS;
  const open = await findOpen(ec2, migrationId);
  return open.filter((each) => isAsMade(each) && isOfMachine(each) && endsThen(each)).map(idOf);
}

async function findOpen(ec2: EC2Client, migrationId: string): Promise<KnownReservation[]> {
  return (await listReservations(ec2, migrationId)).filter(isOpen);
}

/** As every one is that Holdfast makes. */
function isAsMade({ TotalInstanceCount, EndDateType, InstanceMatchCriteria }: CapacityReservation): boolean {
  return TotalInstanceCount === 1 && EndDateType === 'limited' && InstanceMatchCriteria === 'open';
}

function theOnlyOne(found: readonly KnownReservation[], migrationId: string): KnownReservation | undefined {
  return theOnly(found, idOf, `capacity reservation of ${migrationId}`);
}

function idOf({ CapacityReservationId }: KnownReservation): string {
  return CapacityReservationId;
}

type KnownReservation = Told<CapacityReservation, 'CapacityReservationId' | 'State'>;

function knownReservations(
  answered: readonly CapacityReservation[] | undefined,
  asked?: readonly string[],
): KnownReservation[] {
  const named = withId(answered, 'CapacityReservationId', asked);
  return named.map((each) => told(each, each.CapacityReservationId, 'State'));
}

async function cancel(ec2: EC2Client, ids: readonly string[]): Promise<void> {
  for (const CapacityReservationId of ids)
    await ec2.send(new CancelCapacityReservationCommand({ CapacityReservationId }));
}

async function reserve(
  ec2: EC2Client,
  target: Target,
  { instanceType, platform, zone, tenancy }: Extract<CapacityPlan, { kind: 'reserve' }>,
  migrationId: string,
  endsAtMs: number,
): Promise<string> {
  const Tags = [
    { Key: TAG.migration, Value: migrationId },
    { Key: 'Name', Value: ownDescription(migrationId) },
  ];
  try {
    const { CapacityReservation: made } = await ec2.send(
      new CreateCapacityReservationCommand({
        ClientToken: clientToken(`${migrationId}|capacity`),
        InstanceType: instanceType,
        InstancePlatform: platform as CapacityReservationInstancePlatform,
        AvailabilityZone: zone,
        Tenancy: tenancy,
        InstanceCount: 1,
        // Only an open one is used by a machine whose own settings stay as they are.
        InstanceMatchCriteria: 'open',
        EndDateType: 'limited',
        EndDate: new Date(endsAtMs),
        TagSpecifications: [{ ResourceType: 'capacity-reservation', Tags }],
      }),
    );
    return told(made, `CreateCapacityReservation of ${migrationId}`, 'CapacityReservationId')
      .CapacityReservationId;
  } catch (error) {
    if (!(error instanceof Error) || !NO_CAPACITY.test(error.name) || error.name.startsWith('Request'))
      throw error;
    throw finalFailure(
      FAILURE.quotaExceeded,
      `there is no spare capacity for one more ${instanceType} (${platform}) in ${zone} of ${targetKey(target)}: ${error.name}: ${error.message}. It was not stopped; try again later, or without reserveCapacity`,
    );
  }
}

/** Undefined where EC2 does not show it: not yet, or not any more. */
async function readReservation(ec2: EC2Client, id: string): Promise<KnownReservation | undefined> {
  const command = new DescribeCapacityReservationsCommand({ CapacityReservationIds: [id] });
  const answer = await unlessGone(ec2.send(command));
  return knownReservations(answer?.CapacityReservations, [id])[0];
}

async function listReservations(ec2: EC2Client, migrationId: string): Promise<KnownReservation[]> {
  const found: KnownReservation[] = [];
  const Filters = [{ Name: `tag:${TAG.migration}`, Values: [migrationId] }];
  for await (const { CapacityReservations } of paginateDescribeCapacityReservations(
    { client: ec2 },
    { Filters },
  ))
    found.push(...knownReservations(CapacityReservations));
  return found;
}

function isOpen({ State }: CapacityReservation): boolean {
  return State === 'active' || State === 'pending';
}

function capacityFacts(instance: KnownInstance): CapacityFacts {
  const { CapacityReservationSpecification: wanted } = instance;
  const { InstanceType, Placement } = told(instance, instance.InstanceId, 'InstanceType', 'Placement');
  const targeted = wanted?.CapacityReservationTarget;
  return {
    instanceType: InstanceType,
    zone: told(Placement, `the placement of ${instance.InstanceId}`, 'AvailabilityZone').AvailabilityZone,
    platformDetails: instance.PlatformDetails ?? (instance.Platform ? 'Windows' : 'Linux/UNIX'),
    tenancy: Placement.Tenancy ?? 'default',
    ...(Placement.GroupName && { placementGroup: Placement.GroupName }),
    ...(wanted?.CapacityReservationPreference && { preference: wanted.CapacityReservationPreference }),
    hasReservation: Boolean(
      instance.CapacityReservationId ??
      targeted?.CapacityReservationId ??
      targeted?.CapacityReservationResourceGroupArn,
    ),
  };
}
