import { z } from 'zod';
import { accountIdSchema, regionSchema } from '../model/target';
import { CAPABILITIES, type Capability } from './clients';

const roleArnSchema = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::(\d{12}|\*):role\/.+$/,
    'not a role ARN; write it like arn:aws:iam::123456789012:role/holdfast',
  );

/** The entry of every account that has none of its own; its roles are written with `*` as account. */
const ANY_ACCOUNT = '*';

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
  accounts: z
    .record(z.union([accountIdSchema, z.literal(ANY_ACCOUNT)]), accountSchema)
    .superRefine((accounts, context) => {
      const problem = (accountId: string, message: string) =>
        context.addIssue({ code: 'custom', path: [accountId], message });
      for (const [accountId, { role, roles }] of Object.entries(accounts)) {
        const arns = [role, ...Object.values(roles ?? {})].filter((arn) => arn !== undefined);
        const foreign = arns.find((arn) => arn.split(':')[4] !== accountId);
        if (foreign)
          problem(accountId, `role ${foreign} belongs to another account; name a role of ${accountId}`);
        if (accountId === ANY_ACCOUNT && arns.length === 0)
          problem(accountId, 'name a role, like arn:aws:iam::*:role/holdfast');
      }
    }),
  /** Who may list the organization's accounts: a role of its management account or of a delegated administrator. */
  organizationRole: roleArnSchema
    .refine(
      (arn) => !arn.includes(':iam::*:'),
      'name one account: the management account, or a delegated one',
    )
    .optional(),
});

export type AccountsFile = z.output<typeof accountsFileSchema>;
export type AccountEntry = z.output<typeof accountSchema>;

/** An account's own entry, or the one for any account with its roles made the account's. */
export function entryOf({ accounts }: AccountsFile, accountId: string): AccountEntry | undefined {
  const own = accounts[accountId];
  const any = accounts[ANY_ACCOUNT];
  if (own || !any) return own;
  const named = (arn: string) => arn.replace(':iam::*:', `:iam::${accountId}:`);
  const roles = Object.entries(any.roles ?? {}).map(([capability, arn]) => [capability, named(arn)]);
  return {
    ...any,
    ...(any.role && { role: named(any.role) }),
    ...(any.roles && { roles: Object.fromEntries(roles) as AccountEntry['roles'] }),
  };
}

export function accountsIn({ accounts }: AccountsFile): string[] {
  return Object.keys(accounts).filter((accountId) => accountId !== ANY_ACCOUNT);
}

export function roleFor(account: AccountEntry, capability: Capability): string | undefined {
  return account.roles?.[capability] ?? account.role;
}
