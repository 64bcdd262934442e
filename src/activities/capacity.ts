import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import {
  CancelCapacityReservationCommand,
  CreateCapacityReservationCommand,
  DescribeCapacityReservationsCommand,
  type CapacityReservation,
  type CapacityReservationInstancePlatform,
  type EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2';
import { planCapacity, type CapacityFacts, type CapacityPlan } from '../model/capacity';
import { FAILURE } from '../model/failures';
import { ownDescription, TAG } from '../model/names';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { Sightings } from './gone';
import { clientToken, foundInTime } from './idempotency';
import { requireInstance } from './machines';
import { isDenied } from './unlessDenied';
import { sleep } from './waits';

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
      await reservationsOf(ec2, migrationId);
      const plan = planCapacity(capacityFacts(await requireInstance(ec2, target, instanceId)));
      if (plan.kind === 'needless') return { needless: plan.why };
      if (plan.kind === 'impossible')
        throw ApplicationFailure.nonRetryable(
          `${instanceId} in ${targetKey(target)}: no capacity can be reserved: ${plan.why}`,
          FAILURE.notMigratable,
        );
      return { reservationId: await reserve(ec2, target, plan, migrationId, endsAtMs) };
    },

    /** @throws ApplicationFailure ResourceFailed when it came to nothing */
    async awaitCapacity({ target, migrationId }: OfMigration): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const sightings = new Sightings(settings);
      for (let looks = 1; ; looks++) {
        Context.current().heartbeat({ looks });
        const [reservation] = await reservationsOf(ec2, migrationId);
        const isGone = sightings.gone([migrationId], reservation ? [migrationId] : []).length > 0;
        const state = isGone ? 'gone: somebody has cancelled it' : reservation?.State;
        if (state === 'active') return;
        if (state !== undefined && state !== 'pending')
          throw ApplicationFailure.nonRetryable(
            `the capacity reservation of ${migrationId} in ${targetKey(target)} is ${state}`,
            FAILURE.resourceFailed,
          );
        await sleep(settings.pollMs);
      }
    },

    /** Cancels what the migration has reserved, if anything. An answer that was lost needs a second, later look. */
    async cancelCapacity({
      target,
      migrationId,
      mayBeNew,
    }: OfMigration & { mayBeNew: boolean }): Promise<string[]> {
      const ec2 = aws.ec2(target, 'migrate');
      const find = async () => {
        const found = (await reservationsOf(ec2, migrationId)).filter(isOpen);
        return found.length > 0 ? found : undefined;
      };
      const open = await (mayBeNew ? foundInTime(settings, find) : find()).catch((error: unknown) => {
        // Then it has reserved nothing: see above.
        if (isDenied(error)) return undefined;
        throw error;
      });
      const ids = (open ?? []).flatMap(({ CapacityReservationId }) => CapacityReservationId ?? []);
      for (const CapacityReservationId of ids)
        await ec2.send(new CancelCapacityReservationCommand({ CapacityReservationId }));
      return ids;
    },
  };
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
    return made?.CapacityReservationId ?? '';
  } catch (error) {
    if (!(error instanceof Error) || !NO_CAPACITY.test(error.name) || error.name.startsWith('Request'))
      throw error;
    throw ApplicationFailure.nonRetryable(
      `there is no spare capacity for one more ${instanceType} (${platform}) in ${zone} of ${targetKey(target)}: ${error.name}: ${error.message}. It was not stopped; try again later, or without reserveCapacity`,
      FAILURE.quotaExceeded,
    );
  }
}

async function reservationsOf(ec2: EC2Client, migrationId: string): Promise<CapacityReservation[]> {
  const Filters = [{ Name: `tag:${TAG.migration}`, Values: [migrationId] }];
  return (await ec2.send(new DescribeCapacityReservationsCommand({ Filters }))).CapacityReservations ?? [];
}

function isOpen({ State }: CapacityReservation): boolean {
  return State === 'active' || State === 'pending';
}

function capacityFacts(instance: Instance): CapacityFacts {
  const { Placement = {}, CapacityReservationSpecification: wanted } = instance;
  const targeted = wanted?.CapacityReservationTarget;
  return {
    instanceType: instance.InstanceType ?? '',
    zone: Placement.AvailabilityZone ?? '',
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
