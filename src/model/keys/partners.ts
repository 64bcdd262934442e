import { z } from 'zod';
import { accountIdSchema } from '../target';

/** More accounts than this are an organization, and are shared with as one. */
export const MAX_PARTNERS = 100;

/** Accounts to share with. That none of them is the own one shows only when the target is resolved. */
export const partnerAccountsSchema = z
  .array(accountIdSchema)
  .min(1, 'name at least one account id')
  .max(MAX_PARTNERS, `at most ${MAX_PARTNERS} accounts`)
  .superRefine((accounts, context) => {
    const seen = new Set<string>();
    accounts.forEach((account, index) => {
      if (seen.has(account)) {
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `account ${account} is listed twice; remove one`,
        });
      }
      seen.add(account);
    });
  });
