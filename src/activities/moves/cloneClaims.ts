import { Context } from '@temporalio/activity';
import {
  CopyVolumesCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  paginateDescribeVolumeStatus,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { toFailure } from '../../aws/failures';
import {
  claimsAhead,
  formatCloneClaim,
  freeClones,
  parseCloneClaim,
  type ClaimsOfMachine,
  type CloneClaim,
  type FoundClaim,
} from '../../model/moves/cloneClaim';
import { MAX_CLONES } from '../../model/moves/downtime';
import { workflowIds } from '../../model/ids';
import { TAG } from '../../model/names';
import type { ActivityDeps } from '../support/deps';
import { sleep } from '../support/pace/waits';
import { tagMap } from '../support/tags';
import { isOpen } from '../support/openWorkflows';
import type { MovePlan } from '../../model/machines/facts';
import { volumePages } from '../support/reads';

interface Claimed {
  plan: MovePlan;
  migrationId: string;
}

/** As many as a page of either call holds: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeStatus.html */
const PAGE = 1000;
/** Copies take hours: their room is looked for more rarely than other things are. */
const POLLS_BETWEEN_LOOKS = 6;

/** A migration's place among the volume copies that EBS makes at a time in a region; see src/model/moves/cloneClaim.ts. */
export function cloneClaimActivities(deps: ActivityDeps) {
  const { aws, settings, calendar } = deps;

  /**
   * What is left to a claim. The tag alone proves nothing: whoever claims holds a machine, and Temporal itself knows who
   * does. Asked about are those who come first, until nothing is left.
   */
  async function countFree(ec2: EC2Client, { target }: MovePlan, own: CloneClaim): Promise<number> {
    const { inProgress, claims } = await readRoom(ec2);
    const ahead: ClaimsOfMachine[] = [];
    for (const claim of claimsAhead(claims, own, calendar.now())) {
      if (freeClones(inProgress, ahead) === 0) break;
      if (await isOpen(deps, workflowIds.machine(target, claim.instanceId))) ahead.push(claim);
    }
    return freeClones(inProgress, ahead);
  }

  return {
    /**
     * Claims a copy for each volume while the machine still runs. With `wait` it stands in line until they are free.
     *
     * @returns why not, where that cannot be had; nothing is claimed then
     * @throws ApplicationFailure with `wait`, when the role may not copy volumes or the region cannot
     */
    async claimClones({
      plan,
      migrationId,
      wait,
    }: Claimed & { wait: boolean }): Promise<{ refused?: string }> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      const refusal = await whyNoCopies(ec2, plan);
      if (refusal && wait) throw refusal;
      if (refusal) return { refused: `volumes cannot be copied here (${refusal.message})` };
      // Another attempt keeps its place in the line.
      const earlier = Context.current().info.heartbeatDetails as { since: number } | undefined;
      const since = earlier?.since ?? calendar.now();
      const of = { holder: holderOf(plan), volumes: plan.disks.length };
      for (;;) {
        const own = { migrationId, since, renewed: calendar.now(), granted: false, of };
        await claim(ec2, plan, formatCloneClaim(own));
        Context.current().heartbeat({ since });
        // Whoever claims at the same moment must see this one, and be seen.
        await sleep(settings.readLagMs);
        const free = await countFree(ec2, plan, own);
        Context.current().heartbeat({ since, free });
        if (free >= plan.disks.length) {
          await claim(ec2, plan, formatCloneClaim({ ...own, granted: true }));
          return {};
        }
        if (!wait) {
          await unclaim(ec2, plan);
          return {
            refused: `${free} of the region's ${MAX_CLONES} volume copies are free, and it needs ${plan.disks.length}`,
          };
        }
        for (let poll = 0; poll < POLLS_BETWEEN_LOOKS; poll++) {
          Context.current().heartbeat({ since, free });
          await sleep(settings.pollMs);
        }
      }
    },

    async releaseClones({ plan }: Pick<Claimed, 'plan'>): Promise<void> {
      await unclaim(aws.ec2(plan.target, 'migrate'), plan);
    },
  };
}

/** The machine, or the volume where that is attached to nothing. */
function holderOf({ instanceId, disks: [disk] }: MovePlan): string {
  const holder = instanceId ?? disk?.volumeId;
  if (holder === undefined) throw new Error('a plan without a machine and without a volume moves nothing');
  return holder;
}

/** The answer to a dry run says whether the role may, without copying anything. */
async function whyNoCopies(ec2: EC2Client, { disks, kmsKeyArn }: MovePlan): Promise<Error | undefined> {
  const [disk] = disks;
  try {
    await ec2.send(
      new CopyVolumesCommand({
        DryRun: true,
        SourceVolumeId: disk?.volumeId,
        Encrypted: true,
        KmsKeyId: kmsKeyArn,
      }),
    );
    return undefined;
  } catch (error) {
    if (REFUSALS.test((error as Error).name)) return toFailure(error);
    if ((error as Error).name === 'DryRunOperation') return undefined;
    throw error;
  }
}

/** Of the role, and of a region that does not know the call; whatever else fails may be over a moment later. */
const REFUSALS = /^(UnauthorizedOperation|InvalidAction|UnsupportedOperation|Unsupported)$/;

async function claim(ec2: EC2Client, { disks }: MovePlan, Value: string): Promise<void> {
  const Resources = disks.map(({ volumeId }) => volumeId);
  await ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key: TAG.cloneClaim, Value }] }));
}

async function unclaim(ec2: EC2Client, { disks }: MovePlan): Promise<void> {
  const Resources = disks.map(({ volumeId }) => volumeId);
  await ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: TAG.cloneClaim }] }));
}

/** A claimed volume that is detached has its copy: it is replaced by it. */
async function readRoom(ec2: EC2Client): Promise<{ inProgress: number; claims: FoundClaim[] }> {
  const claims: FoundClaim[] = [];
  const Filters = [
    { Name: 'tag-key', Values: [TAG.cloneClaim] },
    { Name: 'status', Values: ['in-use'] },
  ];
  for await (const page of volumePages(ec2, Filters, { pageSize: PAGE }))
    for (const { Tags, Attachments = [] } of page) {
      const claim = parseCloneClaim(tagMap(Tags)[TAG.cloneClaim]);
      if (claim)
        claims.push({ ...claim, attachedTo: Attachments.flatMap(({ InstanceId }) => InstanceId ?? []) });
    }
  let inProgress = 0;
  // Others copy volumes too, and no filter finds theirs.
  for await (const { VolumeStatuses = [] } of paginateDescribeVolumeStatus(
    { client: ec2, pageSize: PAGE },
    {},
  ))
    inProgress += VolumeStatuses.filter(
      ({ InitializationStatusDetails: details }) =>
        details?.InitializationType === 'volume-copy' && (details.Progress ?? 0) < 100,
    ).length;
  return { inProgress, claims };
}
