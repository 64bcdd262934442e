import { z } from 'zod';
import { accountIdSchema, regionSchema } from '../model/target';
import { CAPABILITIES, type Capability } from './clients';

const roleArnSchema = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/,
    'not a role ARN; write it like arn:aws:iam::123456789012:role/holdfast',
  );

const accountSchema = z
  .strictObject({
    regions: z.array(regionSchema).min(1),
    externalId: z.string().min(2).max(1224).optional(),
    role: roleArnSchema.optional(),
    roles: z.partialRecord(z.enum(CAPABILITIES), roleArnSchema).optional(),
  })
  .refine(({ role, roles }) => !(role && roles), 'give either role, for everything, or roles by capability');

/**
 * The accounts file: which accounts and regions Holdfast may work in, and as whom. An account without a role is the
 * worker's own, used with its own credentials.
 */
export const accountsFileSchema = z.strictObject({
  accounts: z.record(accountIdSchema, accountSchema).superRefine((accounts, context) => {
    for (const [accountId, { role, roles }] of Object.entries(accounts)) {
      const arns = [role, ...Object.values(roles ?? {})].filter((arn) => arn !== undefined);
      const foreign = arns.find((arn) => arn.split(':')[4] !== accountId);
      if (!foreign) continue;
      context.addIssue({
        code: 'custom',
        path: [accountId],
        message: `role ${foreign} belongs to another account; name a role of ${accountId}`,
      });
    }
  }),
});

export type AccountsFile = z.output<typeof accountsFileSchema>;
export type AccountEntry = z.output<typeof accountSchema>;

export function roleFor(account: AccountEntry, capability: Capability): string | undefined {
  return account.roles?.[capability] ?? account.role;
}
