import { Context } from '@temporalio/activity';
import type { EC2Client } from '@aws-sdk/client-ec2';
import {
  paginateListAWSDefaultServiceQuotas,
  paginateListServiceQuotas,
  type ServiceQuota,
  type ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { classify } from '../../../aws/classify';
import { toFailure } from '../../../aws/failures';
import { FAILURE } from '../../../model/failures';
import {
  beyondQuotas,
  EBS_QUOTAS,
  quotasFor,
  amountTaken,
  type Makes,
  type QuotaAnswer,
  type QuotaState,
} from '../../../model/encryption/campaign/quotas';
import type { Target } from '../../../model/target';
import type { ActivityDeps } from '../../support/deps';
import { snapshotPages, volumePages } from '../../support/reads';

const ServiceCode = 'ebs';
const PAGE = 100;
const VOLUMES_A_PAGE = 500;
const SNAPSHOTS_A_PAGE = 1000;

/** Room in a region: https://docs.aws.amazon.com/servicequotas/latest/userguide/intro.html */
export function quotaActivities({ aws }: ActivityDeps) {
  return {
    /**
     * Which of the items the region has no room for, in their order. AWS refuses a volume beyond a quota when it is
     * made, which for a machine is after its stop. How many copies run at once is no matter of room: they wait.
     */
    async findBeyondQuotas({ target, items }: { target: Target; items: Makes[] }): Promise<QuotaAnswer> {
      const wanted = new Set(quotasFor(items).map(({ code }) => code));
      if (wanted.size === 0) return { beyond: [] };
      try {
        const quotas = await readApplied(aws.serviceQuotas(target, 'read'), wanted);
        const states = await readUsed(aws.ec2(target, 'read'), quotas);
        return { beyond: beyondQuotas(states, items, target) };
      } catch (error) {
        if (!(error instanceof Error) || !isFinal(error)) throw error;
        return { beyond: [], unread: toFailure(error).message };
      }
    },
  };
}

/** Denied, or a region where EBS has no quotas to be read. */
function isFinal({ name }: Error): boolean {
  return classify(name).type === FAILURE.accessDenied || name === 'NoSuchResourceException';
}

/** Of some quotas AWS lists the default alone: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html */
async function readApplied(
  client: ServiceQuotasClient,
  wanted: ReadonlySet<string>,
): Promise<ServiceQuota[]> {
  const found = new Map<string, ServiceQuota>();
  const keep = (quotas: ServiceQuota[] = []) => {
    Context.current().heartbeat();
    for (const quota of quotas) {
      const { QuotaCode } = quota;
      if (QuotaCode && wanted.has(QuotaCode) && !found.has(QuotaCode)) found.set(QuotaCode, quota);
    }
  };
  const pages = { client, pageSize: PAGE };
  for await (const { Quotas } of paginateListServiceQuotas(pages, { ServiceCode })) keep(Quotas);
  if (found.size < wanted.size)
    for await (const { Quotas } of paginateListAWSDefaultServiceQuotas(pages, { ServiceCode })) keep(Quotas);
  return [...found.values()];
}

/** Volumes and snapshots are counted once for all quotas. */
async function readUsed(ec2: EC2Client, quotas: readonly ServiceQuota[]): Promise<QuotaState[]> {
  const known = quotas.flatMap((quota) => {
    const ours = EBS_QUOTAS.find(({ code }) => code === quota.QuotaCode);
    const { Value: value } = quota;
    return ours && value !== undefined ? [{ ours, quota, value, used: 0 }] : [];
  });
  const count = (made: Makes, isSnapshot: boolean) => {
    for (const each of known)
      if ('snapshots' in each.ours.measure === isSnapshot) each.used += amountTaken(each.ours, made);
  };
  if (known.some(({ ours }) => !('snapshots' in ours.measure)))
    for await (const page of volumePages(ec2, undefined, { pageSize: VOLUMES_A_PAGE })) {
      Context.current().heartbeat();
      const disks = page.map(({ VolumeType: type, Size: size, Iops: iops }) => ({ type, size, iops }));
      count({ item: '', strategy: 'direct', disks }, false);
    }
  const ofSnapshots = known.find(({ ours }) => 'snapshots' in ours.measure);
  if (ofSnapshots)
    for await (const page of snapshotPages(ec2, undefined, { pageSize: SNAPSHOTS_A_PAGE })) {
      Context.current().heartbeat();
      ofSnapshots.used += page.length;
    }
  return known.map(({ ours: { code }, quota: { QuotaName: name = code, Adjustable }, value, used }) => ({
    code,
    name,
    value,
    used,
    adjustable: Adjustable ?? false,
  }));
}
