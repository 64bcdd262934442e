import { stringify } from 'yaml';
import { roleArn } from './roles';

export const HOME_REGION = 'us-east-1';
export const DR_REGION = 'eu-west-1';
export const PARTNER_REGION = 'ap-southeast-1';

/** The local AWS takes callers that assume no role for this account. */
const HOME = '123456789012';
const SECOND = '210987654321';

/** The accounts of the local AWS; stack.json publishes them. */
export const ACCOUNTS = { home: HOME, others: [SECOND], partners: ['345678901234', '456789012345'] };

/** An account that nothing is shared with. */
export const STRANGER = '567890123456';

/** The role that the worker assumes in the other accounts, and what it has to say for that. */
export const ROLE_NAME = 'holdfast';
export const EXTERNAL_ID = 'holdfast-local-stack';

/** The accounts file of the stack's worker. Partners are not in it: Holdfast has no business inside their accounts. */
export function accountsYaml(): string {
  const regions = [HOME_REGION, DR_REGION, PARTNER_REGION];
  const others = ACCOUNTS.others.map(
    (id) => [id, { regions, role: roleArn(id, ROLE_NAME), externalId: EXTERNAL_ID }] as const,
  );
  return stringify({ accounts: { [ACCOUNTS.home]: { regions }, ...Object.fromEntries(others) } });
}
