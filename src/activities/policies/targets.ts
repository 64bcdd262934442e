import type { ApplicationFailure } from '@temporalio/common';
import {
  paginateListAccountsForParent,
  paginateListOrganizationalUnitsForParent,
  type OrganizationsClient,
} from '@aws-sdk/client-organizations';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';
import { residencyProblem, type Residency } from '../../model/points/residency';
import { isOneTarget, targetKey, type PolicyTarget, type Target } from '../../model/target';
import type { AwsClients } from '../../aws/clients';
import type { ActivityDeps } from '../support/deps';

export interface PolicyTargets {
  targets: Target[];
  /** Accounts that the policy means and that may not be worked in: what is in them stays unprotected. */
  refused: FailedItem[];
}

interface Request {
  /** As the policy writes them; without any: the worker's own. */
  written: PolicyTarget[] | undefined;
  residency?: Residency | undefined;
}

export function policyTargetActivities({ aws }: ActivityDeps) {
  return {
    /**
     * The accounts and regions that a policy means now: accounts are added to an organization at any time.
     *
     * @throws ApplicationFailure TargetNotAllowed, AccessDenied on the organization, NotFound for its unit
     */
    async listPolicyTargets(request: Request): Promise<PolicyTargets> {
      return resolvePolicyTargets(aws, request);
    },
  };
}

export async function resolvePolicyTargets(
  aws: AwsClients,
  { written = [{}], residency }: Request,
): Promise<PolicyTargets> {
  const found: Target[] = [];
  const refused: FailedItem[] = [];
  for (const each of written) {
    if (isOneTarget(each)) found.push(...(await aws.resolve([each])));
    else for (const accountId of (await listAccounts(aws, each)).sort()) allow(accountId, each.regions);
  }
  if (found.length + refused.length === 0) throw noAccount(written);
  return { targets: [...new Map(found.map((target) => [targetKey(target), target])).values()], refused };

  function allow(accountId: string, wanted: readonly string[] | undefined): void {
    const allowed = aws.regionsOf(accountId);
    const regions = wanted ?? allowed;
    if (allowed.length === 0) return refuse(accountId, `no entry of the accounts file allows this account`);
    for (const region of regions) {
      const target = { accountId, region };
      const forbidden = residencyProblem(residency, region);
      if (!allowed.includes(region))
        refuse(targetKey(target), 'its entry of the accounts file does not allow this region');
      else if (forbidden) refuse(targetKey(target), forbidden);
      else found.push(target);
    }
  }

  function refuse(item: string, why: string): void {
    const message = `${item}: ${why}; what is in it stays unprotected until HOLDFAST_ACCOUNTS or the policy says otherwise`;
    refused.push({ item, type: FAILURE.targetNotAllowed, message });
  }
}

async function listAccounts(aws: AwsClients, { organizationalUnit }: PolicyTarget): Promise<string[]> {
  if (organizationalUnit !== undefined) return listAccountsBelow(aws.organizations(), organizationalUnit);
  const accounts = aws.listedAccounts();
  if (accounts.length > 0) return accounts;
  throw finalFailure(
    FAILURE.targetNotAllowed,
    'targets: accounts: all means those that the accounts file names, and it names none; set HOLDFAST_ACCOUNTS, or write the targets',
  );
}

function noAccount(written: PolicyTarget[]): ApplicationFailure {
  return finalFailure(
    FAILURE.nothingSelected,
    `targets: no active account in ${JSON.stringify(written)}; name the unit or root that the accounts are in`,
  );
}

/** In one order, whatever AWS lists them in, so that the same accounts are the same targets. Suspended and closing accounts refuse every call. https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html */
async function listAccountsBelow(client: OrganizationsClient, ParentId: string): Promise<string[]> {
  const accounts: string[] = [];
  for await (const { Accounts = [] } of paginateListAccountsForParent({ client }, { ParentId }))
    accounts.push(...Accounts.flatMap(({ Id, Status }) => (Id && Status === 'ACTIVE' ? Id : [])));
  const units = paginateListOrganizationalUnitsForParent({ client }, { ParentId });
  for await (const { OrganizationalUnits = [] } of units)
    for (const { Id } of OrganizationalUnits) if (Id) accounts.push(...(await listAccountsBelow(client, Id)));
  return accounts;
}
