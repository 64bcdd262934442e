import { z } from 'zod';
import { operationInput } from '../input';
import { partnerAccountsSchema } from './partners';
import { regionSchema, targetInputSchema, type Target } from '../target';

/** AWS's limits for automatic rotation (https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html). */
export const ROTATION_DAYS = { min: 90, max: 2560, default: 365 } as const;

/** AWS's limit for rotations on demand of a key (https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-on-demand.html). */
export const ON_DEMAND_ROTATIONS = 25;

/** AWS's limit for an alias, `alias/` included. */
const MAX_ALIAS = 256;

const ALIAS = /^alias\/[a-zA-Z0-9/_-]+$/;

const ALIAS_FIX = 'use letters, digits, / _ and - only, like alias/ebs-production';

export const aliasSchema = z
  .string()
  .min(1, ALIAS_FIX)
  .transform((alias) => (alias.startsWith('alias/') ? alias : `alias/${alias}`))
  .refine((alias) => ALIAS.test(alias), ALIAS_FIX)
  .refine((alias) => alias.length <= MAX_ALIAS, `at most ${MAX_ALIAS} characters`)
  .refine(
    (alias) => !alias.startsWith('alias/aws/'),
    'aliases that begin with alias/aws/ belong to AWS; choose another one',
  );

const rotationSchema = z
  .number()
  .int('a whole number of days')
  .min(ROTATION_DAYS.min, `KMS rotates every ${ROTATION_DAYS.min} to ${ROTATION_DAYS.max} days`)
  .max(ROTATION_DAYS.max, `KMS rotates every ${ROTATION_DAYS.min} to ${ROTATION_DAYS.max} days`);

const MOST_REPLICAS = 10;

const roleArnSchema = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:(role|user)\/[\w+=,.@/*-]+$/,
    'write ARNs of roles, like arn:aws:iam::123456789012:role/ops',
  );

export const createCustomerManagedKeyInput = operationInput({
  description: z
    .string()
    .min(1)
    .max(8192)
    .describe('Shown in the KMS console; also gives the alias when `alias` is left out.'),
  keyUsage: z
    .literal('ENCRYPT_DECRYPT', { error: 'EBS takes keys for ENCRYPT_DECRYPT only; write that' })
    .describe('EBS takes symmetric encryption keys only.'),
  alias: aliasSchema
    .optional()
    .describe('What the key is known by, with or without `alias/`: the same alias never makes a second key.'),
  rotationDays: rotationSchema
    .optional()
    .describe(
      'Days between automatic rotations. Left out: a new key rotates every 365 days, and an old one keeps its period.',
    ),
  replicaRegions: z
    .array(regionSchema)
    .min(1, 'leave it out, or name a region')
    .max(MOST_REPLICAS, `at most ${MOST_REPLICAS} regions`)
    .refine((regions) => new Set(regions).size === regions.length, 'names a region twice')
    .optional()
    .describe(
      'Regions where the same key is to be: snapshots copied there need no other one. Only a new key can have them.',
    ),
  rotateNow: z
    .boolean()
    .default(false)
    .describe(
      `Rotates the key now, besides its period: KMS allows it ${ON_DEMAND_ROTATIONS} times in a key's life.`,
    ),
  users: z
    .array(roleArnSchema)
    .min(1, 'leave it out, or name a role')
    .max(50)
    .optional()
    .describe(
      'Roles that may use the key through EC2, as ARNs, `*` allowed in them; everybody of the account when left out.',
    ),
  partnerAccounts: partnerAccountsSchema
    .optional()
    .describe('Accounts whose own IAM policies may then allow their roles to use the key through EC2.'),
  target: targetInputSchema
    .optional()
    .describe("Account and region of the key; the worker's own when left out."),
}).refine(({ alias, description }) => alias !== undefined || defaultAlias(description) !== undefined, {
  path: ['alias'],
  message:
    'the description has no letters or digits to make an alias of; give one, like alias/ebs-production',
});

export type CreateCustomerManagedKeyInput = z.input<typeof createCustomerManagedKeyInput>;

/** `EBS production (eu)` is known as `alias/ebs-production-eu`; undefined when nothing is left. */
export function defaultAlias(description: string): string | undefined {
  const words = description
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 120)
    .replace(/^-+|-+$/g, '');
  return words ? `alias/${words}` : undefined;
}

export interface KeyRotation {
  enabled: boolean;
  periodInDays: number;
}

export interface CreateCustomerManagedKeyResult {
  summary: string;
  status: 'CREATED' | 'UPDATED' | 'UNCHANGED';
  keyId: string;
  arn: string;
  alias: string;
  rotation: KeyRotation;
  /** The same key in other regions. */
  replicas: KeyReplica[];
  /** Whom else the key lets in, and keys that were marked for the alias and are not used. */
  warnings: string[];
  target: Target;
}

export interface KeyReplica {
  region: string;
  arn: string;
}
