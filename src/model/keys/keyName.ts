import { partitionOf } from './keyPolicy';
import type { Target } from '../target';

/** `arn:aws:kms:us-east-1:123456789012:key/…` or `…:alias/…`, apart. */
interface KeyArn {
  partition: string;
  region: string;
  accountId: string;
  /** `key/<id>` or `alias/<name>`, which KMS takes as they are in the ARN's own account and region. */
  name: string;
}

const ARN = /^arn:([^:]*):kms:([^:]*):([^:]*):((?:key|alias)\/.+)$/;

const KEY_ID = /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Undefined of an id or an alias. */
export function parseKeyArn(kmsKeyId: string): KeyArn | undefined {
  const [, partition, region, accountId, name] = ARN.exec(kmsKeyId) ?? [];
  if (partition === undefined || region === undefined || accountId === undefined || name === undefined)
    return undefined;
  return { partition, region, accountId, name };
}

/** A key in several regions has the same id in all of them: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html */
export function multiRegionId({ name }: KeyArn): string | undefined {
  return /^key\/(mrk-.+)$/.exec(name)?.[1];
}

/** What is wrong with the name of a key, before anybody asks KMS; undefined when KMS has to say. */
export function misnamed(kmsKeyId: string, { region }: Target): string | undefined {
  if (kmsKeyId !== kmsKeyId.trim()) return 'there is a space before or after the name; remove it';
  if (!kmsKeyId.startsWith('arn:')) return undefined;
  const arn = parseKeyArn(kmsKeyId);
  if (!arn) return 'this is no ARN of a KMS key or alias; copy it from the KMS console';
  const partition = partitionOf(region);
  return arn.partition === partition
    ? undefined
    : `the ARN is of partition ${arn.partition}, and ${region} is in ${partition}; name a key of this region`;
}

/** The alias that somebody meant who left `alias/` out; undefined of an id, an ARN or an alias. */
export function aliasMeant(kmsKeyId: string): string | undefined {
  const isName = kmsKeyId.startsWith('arn:') || kmsKeyId.startsWith('alias/') || KEY_ID.test(kmsKeyId);
  return isName ? undefined : `alias/${kmsKeyId}`;
}
