import { paginateDescribeTags, type EC2Client } from '@aws-sdk/client-ec2';
import {
  machineOwnedText,
  ownerIn,
  volumeOwnedText,
  type OwnedVolume,
  type Owner,
} from '../../../model/moves/ownership';
import type { Target } from '../../../model/target';
import {
  boundedWarnings,
  itemAsked,
  type MoveAsked,
  type Warning,
  type WarningsFound,
} from '../../../model/moves/warnings';
import type { ActivityDeps } from '../../support/deps';
import { Mounts } from './mounts';
import { PoliciesNaming } from './policiesNaming';
import { Starters } from './starters';
import { unlessDenied } from '../../support/unlessDenied';
import { beatDuring } from '../../support/pace/beating';
import type { Look } from './look';
import type { NotChecked } from '../../../model/outcome';
import { groupsOf } from '../../support/groups';
import { withId } from '../../support/known';

type Tags = Map<string, Record<string, string>>;

const HEARTBEAT_MS = 5_000;
const OWNERS = 'owners among CloudFormation, Terraform and the like';

/** What may hurt after a migration. Reads as far as it may, says what it may not, and never stands in the way. */
export function warningActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  const starters = new Starters(aws);
  const mounts = new Mounts(aws, settings);
  const policies = new PoliciesNaming(deps.temporal);

  return {
    /** Warnings about a page of machines and volumes that are planned. */
    async findWarnings(asked: {
      target: Target;
      kmsKeyArn: string;
      moves: MoveAsked[];
    }): Promise<WarningsFound> {
      const { target, kmsKeyArn, moves } = asked;
      const owned: OwnedVolume[] = [];
      // Looks wait for turns and for guests, and for what another page has asked already.
      const looks = await beatDuring(undefined, HEARTBEAT_MS, async () => {
        const tags = await unlessDenied(() => readTags(aws.ec2(target, 'read'), idsIn(moves)), {
          what: OWNERS,
          items: [],
        });
        const instanceIds = moves.flatMap(({ instanceId }) => instanceId ?? []);
        return [
          ownersLook(moves, tags, owned),
          ...(await Promise.all([
            starters.look(target, kmsKeyArn, instanceIds),
            mounts.look(target, moves),
            policies.look(target, moves),
          ])),
        ];
      });
      const warned = moves.flatMap((move) => {
        const item = itemAsked(move);
        const warnings = boundedWarnings(looks.flatMap(({ warnings: found }) => found.get(item) ?? []));
        return warnings.length > 0 ? { item, warnings } : [];
      });
      return { warned, owned, notChecked: looks.flatMap(({ notChecked }) => notChecked) };
    },
  };
}

function ownersLook(moves: readonly MoveAsked[], tags: Tags | NotChecked, owned: OwnedVolume[]): Look {
  const warnings = new Map<string, Warning[]>();
  if (!(tags instanceof Map)) return { warnings, notChecked: [tags] };
  for (const move of moves) {
    const machine = move.instanceId ? ownerIn(tags.get(move.instanceId) ?? {}) : undefined;
    const volumes = ownedVolumes(move, tags, machine);
    owned.push(...volumes);
    const texts = [
      ...(machine ? [machineOwnedText(machine)] : []),
      // A root is the machine's; who owns that owns it.
      ...volumes
        .filter(({ owner, root }) => owner !== machine && !(root && owner.tool === machine?.tool))
        .map(({ volumeId, owner }) => volumeOwnedText(volumeId, owner)),
    ];
    if (texts.length > 0)
      warnings.set(
        itemAsked(move),
        texts.map((text) => ({ kind: 'owner', text })),
      );
  }
  return { warnings, notChecked: [] };
}

/** A stack names what it owns; a state file may hold the volumes of a machine whose tags alone tell of the tool. */
function ownedVolumes(
  { instanceId, rootDevice, volumes }: MoveAsked,
  tags: Tags,
  machine: Owner | undefined,
): OwnedVolume[] {
  return volumes.flatMap(({ volumeId, device }) => {
    const owner =
      ownerIn(tags.get(volumeId) ?? {}) ?? (machine?.tool === 'CloudFormation' ? undefined : machine);
    const root = device === rootDevice;
    return owner ? { volumeId, owner, ...(instanceId && { instanceId }), device, root } : [];
  });
}

function idsIn(moves: readonly MoveAsked[]): string[] {
  return moves.flatMap(({ instanceId, volumes }) => [
    ...(instanceId ? [instanceId] : []),
    ...volumes.map(({ volumeId }) => volumeId),
  ]);
}

async function readTags(ec2: EC2Client, ids: readonly string[]): Promise<Tags> {
  const found: Tags = new Map();
  for (const Values of groupsOf(ids)) {
    const Filters = [{ Name: 'resource-id', Values }];
    for await (const { Tags } of paginateDescribeTags({ client: ec2, pageSize: 1000 }, { Filters })) {
      for (const { ResourceId, Key, Value = '' } of withId(withId(Tags, 'ResourceId'), 'Key'))
        found.set(ResourceId, { ...found.get(ResourceId), [Key]: Value });
    }
  }
  return found;
}
