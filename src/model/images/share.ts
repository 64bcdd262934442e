import { z } from 'zod';
import { notYet, operationInput } from '../input';
import type { Listed } from '../list';
import type { FailedItem } from '../outcome';
import { partnerAccountsSchema } from '../keys/partners';
import { accountIdSchema, regionSchema, targetInputSchema, type Target } from '../target';

export const instanceIdSchema = z
  .string()
  .regex(/^i-[0-9a-f]{8,17}$/, 'not an instance id; write it like i-0123456789abcdef0');

export const amiIdSchema = z
  .string()
  .regex(/^ami-[0-9a-f]{8,17}$/, 'not an image id; write it like ami-0123456789abcdef0');

/** AWS's rule for image names (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html). */
const amiNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/,
    "an image name has 3 to 128 letters, digits, spaces or ( ) [ ] . / - ' @ _",
  );

/** AWS takes 255 ASCII characters; the last ones say that the image is Holdfast's, see {@link imageDescription}. */
const MAX_DESCRIPTION = 220;

const imageDescriptionSchema = z
  .string()
  .regex(
    new RegExp(`^[\\x20-\\x7e]{1,${MAX_DESCRIPTION}}$`),
    `EC2 takes ASCII text here; write 1 to ${MAX_DESCRIPTION} plain characters`,
  );

const kmsKeyIdSchema = z.string().min(1, 'give a key id, ARN or alias, or leave it out');

export const createShareableAmiInput = operationInput({
  instanceId: instanceIdSchema.describe('The machine that the image is of.'),
  amiName: amiNameSchema.describe(
    'Unique in the account and region; the same instance under the same name is the same request.',
  ),
  description: imageDescriptionSchema.describe('For people, in the image.'),
  partnerAccounts: partnerAccountsSchema.describe('Accounts that are to launch from it.'),
  organizationArns: notYet('sharing with organizations is'),
  kmsKeyId: kmsKeyIdSchema
    .optional()
    .describe(
      "Customer managed key for the image's snapshots: id, ARN or alias. Left out: the region's default key where encryption by default is on with a customer managed key; else the volumes' own customer managed keys; else the image is unencrypted, and the result says so.",
    ),
  reboot: z
    .boolean()
    .default(false)
    .describe('True restarts the instance so that its file systems are at rest in the image.'),
  expiresAfter: notYet('shares that expire are'),
  target: targetInputSchema
    .optional()
    .describe("Where the instance is; the worker's own account and region when left out."),
});

export type CreateShareableAmiInput = z.input<typeof createShareableAmiInput>;

export const copyAmiToPartnerRegionInput = operationInput({
  amiId: amiIdSchema.describe('The image to copy.'),
  destinationRegion: regionSchema.describe('Another region than its own.'),
  partnerAccountId: accountIdSchema.describe('The account that is to launch from the copy.'),
  amiName: amiNameSchema
    .optional()
    .describe(
      "Name of the copy; the source's when left out. The same source under the same name is the same request.",
    ),
  kmsKeyId: kmsKeyIdSchema
    .optional()
    .describe(
      "Customer managed key of the destination region: id, ARN or alias. Left out: the key there under the same alias as the source's; else the default key there, where encryption by default is on with a customer managed key.",
    ),
  intoPartnerAccount: notYet('copying into the partner’s account is'),
  target: targetInputSchema.optional().describe('Where the image is.'),
}).refine(({ target, destinationRegion }) => target?.region !== destinationRegion, {
  path: ['destinationRegion'],
  message: 'the image is in this region already; name another one, or share it with createShareableAmi',
});

export type CopyAmiToPartnerRegionInput = z.input<typeof copyAmiToPartnerRegionInput>;

/** Result of createShareableAmi and copyAmiToPartnerRegion, and the details of their failures. */
export interface SharedImageResult {
  summary: string;
  /** True when every partner can use the image. */
  success: boolean;
  /** Empty when nothing could be shared: the image was removed again. */
  amiId: string;
  name: string;
  region: string;
  target: Target;
  /** False: every partner, and whoever copies it from them, gets the disks in the clear. */
  encrypted: boolean;
  /** ARN of the snapshots' key; missing on unencrypted images, and on those whose volumes had keys of their own. */
  kmsKeyId?: string;
  snapshots: Listed<string>;
  /** Account ids that can use the image now. */
  sharedWith: Listed<string>;
  failed: Listed<FailedItem>;
  warnings: string[];
}
