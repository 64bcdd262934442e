import {
  DisableKeyRotationCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  paginateListKeyRotations,
  RotateKeyOnDemandCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { ON_DEMAND_ROTATIONS, ROTATION_DAYS, type KeyRotation } from '../../model/keys/key';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { keyUnusable } from './checks';

interface KeyRef {
  target: Target;
  keyId: string;
}

/** https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html */
export function keyRotationActivities({ aws }: ActivityDeps) {
  return {
    /** Switches automatic rotation as given; setting what is already set changes nothing. */
    async setKeyRotation({ target, keyId, rotation }: KeyRef & { rotation: KeyRotation }): Promise<void> {
      const kms = aws.kms(target, 'migrate');
      if (rotation.enabled) {
        await kms.send(
          new EnableKeyRotationCommand({ KeyId: keyId, RotationPeriodInDays: rotation.periodInDays }),
        );
      } else {
        await kms.send(new DisableKeyRotationCommand({ KeyId: keyId }));
      }
    },

    /** How often a key has been rotated on demand so far. */
    async countRotations({ target, keyId }: KeyRef): Promise<number> {
      return countRotationsOnDemand(aws.kms(target, 'read'), keyId);
    },

    /**
     * Rotates the key once more than `before` times on demand. RotateKeyOnDemand has no token: the list of rotations
     * tells whether a lost call took effect.
     *
     * @throws ApplicationFailure KeyUnusable when KMS rotates it no more
     */
    async rotateKeyNow({ target, keyId, before }: KeyRef & { before: number }): Promise<void> {
      const kms = aws.kms(target, 'migrate');
      const { OnDemandRotationStartDate } = await kms.send(new GetKeyRotationStatusCommand({ KeyId: keyId }));
      if (OnDemandRotationStartDate || (await countRotationsOnDemand(kms, keyId)) > before) return;
      try {
        await kms.send(new RotateKeyOnDemandCommand({ KeyId: keyId }));
      } catch (error) {
        if ((error as Error).name !== 'LimitExceededException') throw error;
        throw keyUnusable(
          target,
          keyId,
          `KMS rotates a key ${ON_DEMAND_ROTATIONS} times on demand, and has; leave rotateNow out`,
        );
      }
    },
  };
}

export async function readRotation(kms: KMSClient, keyId: string): Promise<KeyRotation> {
  const { KeyRotationEnabled, RotationPeriodInDays } = await kms.send(
    new GetKeyRotationStatusCommand({ KeyId: keyId }),
  );
  return KeyRotationEnabled
    ? { enabled: true, periodInDays: RotationPeriodInDays ?? ROTATION_DAYS.default }
    : { enabled: false, periodInDays: 0 };
}

async function countRotationsOnDemand(kms: KMSClient, keyId: string): Promise<number> {
  let count = 0;
  for await (const { Rotations = [] } of paginateListKeyRotations({ client: kms }, { KeyId: keyId }))
    count += Rotations.filter(({ RotationType }) => RotationType === 'ON_DEMAND').length;
  return count;
}
