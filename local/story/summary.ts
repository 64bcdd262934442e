import { Blocks } from '../measure/blocks';
import { attempt, check, type Check } from '../measure/check';
import { checkCopies } from '../measure/copies';
import { checkContent } from '../measure/content';
import { compareMachines, recordMachine } from '../measure/disks';
import { checkProtection } from '../measure/protection';
import { checkSettings, keyArn } from '../measure/settings';
import { checkGrants, checkSharing, type SharedImage } from '../measure/sharing';
import { ACCOUNTS, DR_REGION, HOME_REGION, PARTNER_REGION, STRANGER } from '../stack/accounts';
import type { StoryContext } from './context';
import { COPIED, FIRST_PARTNER, KEYS } from './labs';

/** Asks the local AWS, by plain SDK calls, whether what the story was about is so. */
export async function measure(context: StoryContext): Promise<Check[]> {
  const { home, blocks, before, selected, made, stack } = context;
  const asked = await Promise.all([...ACCOUNTS.partners, STRANGER].map((id) => stack.accounts.account(id)));
  const sharing = async (image: SharedImage) => [
    ...(await checkSharing(image, asked)),
    await checkGrants(home, await keyArn(home, image.region, KEYS.alias), image, asked),
  ];
  const groups = await Promise.all([
    ...selected.map(({ account, volumes }) =>
      attempt('volumes protected', () => checkProtection(account, volumes)),
    ),
    attempt('volumes encrypted', async () => {
      const after = await recordMachine(home, before.instanceId);
      return [
        ...compareMachines(before, after, await keyArn(home, HOME_REGION, KEYS.alias)),
        await checkContent(blocks, before, after, made.blocksWritten ?? 0),
      ];
    }),
    attempt('the copies', async () => [
      await checkCopies(home, {
        policyName: COPIED,
        slot: made.copiedSlot ?? 'no slot',
        region: DR_REGION,
        keyArn: await keyArn(home, DR_REGION, KEYS.alias),
        here: blocks,
        there: new Blocks(stack.file.awsEndpoint, home, DR_REGION),
      }),
    ]),
    attempt('settings', () => checkSettings(home, KEYS.regions, KEYS.alias)),
    attempt('the image is shared', () =>
      sharing({ amiId: made.amiId ?? 'no image', region: HOME_REGION, allowed: ACCOUNTS.partners }),
    ),
    attempt('the copy is shared', () =>
      sharing({ amiId: made.copyAmiId ?? 'no copy', region: PARTNER_REGION, allowed: [FIRST_PARTNER] }),
    ),
  ]);
  const crash = check(
    'the worker was killed in mid-swap',
    made.crash !== undefined,
    made.crash ?? 'it was not',
  );
  return [crash, ...groups.flat()];
}
