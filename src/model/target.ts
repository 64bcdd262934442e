import { z } from 'zod';

export const accountIdSchema = z.string().regex(/^\d{12}$/, 'an AWS account id has 12 digits, as a string');

export const regionSchema = z
  .string()
  .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'not an AWS region; write it like us-east-1');

/** One account in one region. */
export const targetSchema = z.strictObject({ accountId: accountIdSchema, region: regionSchema });

export type Target = z.output<typeof targetSchema>;

/** What a caller may give: either half defaults to the worker's own account or `AWS_REGION`. */
export const targetInputSchema = z.strictObject({
  accountId: accountIdSchema.optional(),
  region: regionSchema.optional(),
});

export type TargetInput = z.output<typeof targetInputSchema>;

export const targetsInputSchema = z
  .array(targetInputSchema)
  .min(1, 'leave it out for the own account, or name one')
  .max(500);

export function targetKey({ accountId, region }: Target): string {
  return `${accountId}/${region}`;
}
