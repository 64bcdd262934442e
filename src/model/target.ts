import { z } from 'zod';
import { nearest } from './nearest';

export const accountIdSchema = z.string().regex(/^\d{12}$/, 'an AWS account id has 12 digits, as a string');

/** Commercial regions, to guess what was meant by one that there is not; which there are AWS alone knows. */
const KNOWN_REGIONS = [
  ...[
    'us-east-1',
    'us-east-2',
    'us-west-1',
    'us-west-2',
    'ca-central-1',
    'ca-west-1',
    'mx-central-1',
    'sa-east-1',
  ],
  ...[
    'eu-west-1',
    'eu-west-2',
    'eu-west-3',
    'eu-central-1',
    'eu-central-2',
    'eu-north-1',
    'eu-south-1',
    'eu-south-2',
  ],
  ...['ap-south-1', 'ap-south-2', 'ap-east-1', 'ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3'],
  ...[
    'ap-southeast-1',
    'ap-southeast-2',
    'ap-southeast-3',
    'ap-southeast-4',
    'ap-southeast-5',
    'ap-southeast-7',
  ],
  ...['me-south-1', 'me-central-1', 'il-central-1', 'af-south-1'],
];

/** What to say of it, where one is alike. */
export function meantRegion(given: string, regions: Iterable<string> = KNOWN_REGIONS): string {
  const meant = nearest(given, regions);
  return meant === undefined || meant === given ? '' : `; did you mean ${meant}?`;
}

export const regionSchema = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, {
  error: ({ input }) => `not an AWS region; write it like us-east-1${meantRegion(String(input))}`,
});

/** One account in one region. */
export const targetSchema = z.strictObject({ accountId: accountIdSchema, region: regionSchema });

export type Target = z.output<typeof targetSchema>;

/** What a caller may give: either half defaults to the worker's own account or `AWS_REGION`. */
export const targetInputSchema = z
  .strictObject({
    accountId: accountIdSchema.optional().describe("The worker's own account when left out."),
    region: regionSchema.optional().describe("The worker's `AWS_REGION` when left out."),
  })
  .describe("One account in one region; what is left out is the worker's own account, or `AWS_REGION`.");

export type TargetInput = z.output<typeof targetInputSchema>;

export const targetsInputSchema = z
  .array(targetInputSchema)
  .min(1, 'leave it out for the own account, or name one')
  .max(500)
  .describe("Accounts and regions; the worker's own when left out.");

/**
 * What a policy protects: one target; every account of the accounts file; or every active account of an AWS
 * Organizations unit and the units below it. The last two are looked up again by every run, so that a new account is
 * protected from its first slot on.
 */
const policyTargetSchema = z
  .strictObject({
    accountId: accountIdSchema.optional().describe("One account; the worker's own when left out."),
    region: regionSchema.optional().describe("Its region; the worker's `AWS_REGION` when left out."),
    accounts: z
      .literal('all', 'write all: every account of the accounts file')
      .optional()
      .describe('Every account of the accounts file, in every region that it allows.'),
    organizationalUnit: z
      .string()
      .regex(
        /^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$/,
        'not the id of an organizational unit (ou-…) or root (r-…)',
      )
      .optional()
      .describe('Every active account of this unit or root of AWS Organizations, and of the units below it.'),
    regions: z
      .array(regionSchema)
      .min(1)
      .optional()
      .describe('Of those that the accounts file allows each account; without it all of them.'),
  })
  .superRefine(({ accountId, region, accounts, organizationalUnit, regions }, context) => {
    const problem = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    const isMany = accounts !== undefined || organizationalUnit !== undefined;
    if ([accountId, accounts, organizationalUnit].filter((each) => each !== undefined).length > 1)
      problem('accountId', 'only one of accountId, accounts and organizationalUnit');
    else if (isMany && region !== undefined) problem('region', 'write regions: [...] for many accounts');
    else if (!isMany && regions !== undefined)
      problem('regions', 'only with accounts or organizationalUnit; write region, one target each');
  });

export const policyTargetsSchema = z
  .array(policyTargetSchema)
  .min(1, 'leave it out for the own account, or name one')
  .max(500)
  .describe("Accounts and regions to protect; the worker's own when left out.");

export type PolicyTarget = z.output<typeof policyTargetSchema>;

export function isOneTarget({ accounts, organizationalUnit }: PolicyTarget): boolean {
  return accounts === undefined && organizationalUnit === undefined;
}

export function targetKey({ accountId, region }: Target): string {
  return `${accountId}/${region}`;
}
