import { stringify } from 'yaml';

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

export function roleArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:role/holdfast`;
}

/** The accounts file of the stack's worker. Partners are not in it: Holdfast has no business inside their accounts. */
export function accountsYaml(): string {
  const regions = [HOME_REGION, DR_REGION, PARTNER_REGION];
  const others = ACCOUNTS.others.map((id) => [id, { regions, role: roleArn(id) }] as const);
  return stringify({ accounts: { [ACCOUNTS.home]: { regions }, ...Object.fromEntries(others) } });
}
