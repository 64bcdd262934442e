import { z } from 'zod';
import { fixedDurationSchema } from '../../duration';

const MOST_WAVES = 20;
const SHARE = /^([1-9]\d?|100)%$/;

type WaveSize = number | string;

const sizeSchema = z
  .union([z.number(), z.string()])
  .refine(
    (size) =>
      typeof size === 'number' ? Number.isInteger(size) && size > 0 : size === 'rest' || SHARE.test(size),
    "not the size of a wave; write a number of machines like 1, a share like '25%', or 'rest'",
  );

const sizesSchema = z
  .array(sizeSchema)
  .min(1, "name at least one wave, like [1, '25%', 'rest'], or leave waves out")
  .max(MOST_WAVES, `at most ${MOST_WAVES} waves`)
  .superRefine((sizes, context) => {
    for (const message of sizeProblems(sizes)) context.addIssue({ code: 'custom', message });
  });

function sizeProblems(sizes: readonly WaveSize[]): string[] {
  const shares = sizes.reduce<number>((sum, size) => sum + shareOf(size), 0);
  const problems: [boolean, string][] = [
    [sizes.slice(0, -1).includes('rest'), "'rest' leaves nothing for the waves after it; put it last"],
    [sizes.at(-1) !== 'rest', "end with 'rest', or machines would be left over"],
    [shares > 100, `the shares add up to ${shares}%; make them 100% or less`],
  ];
  return problems.flatMap(([holds, message]) => (holds ? message : []));
}

function shareOf(size: WaveSize): number {
  const match = SHARE.exec(String(size));
  return match ? Number(match[1]) : 0;
}

/** Sizes alone, or with what happens between two waves. */
export const wavesSchema = z
  .union([
    sizesSchema,
    z.strictObject({
      sizes: sizesSchema.describe(
        'Machines in each wave: a number, a share like `25%` of all that move, or `rest`, which comes last.',
      ),
      pauseBetween: fixedDurationSchema
        .optional()
        .describe('So long the next wave waits after the last machine of the one before has ended.'),
      approveEach: z.boolean().default(false).describe('Every wave but the first waits for `approve`.'),
    }),
  ])
  .transform((waves) => (Array.isArray(waves) ? { sizes: waves, approveEach: false } : waves));

/** Machines in each wave; a share is of all, rounded up, and waves for which no machine is left are left out. */
export function waveSizes(sizes: readonly WaveSize[], total: number): number[] {
  let left = total;
  return sizes.flatMap((size) => {
    const asked = typeof size === 'number' ? size : Math.ceil((total * shareOf(size)) / 100);
    const taken = Math.min(left, size === 'rest' ? left : asked);
    left -= taken;
    return taken > 0 ? taken : [];
  });
}
