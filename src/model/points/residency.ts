import { z } from 'zod';
import { regionSchema } from '../target';

/** As many region names as fit into one tag. */
const regionsSchema = z
  .array(regionSchema)
  .min(1, 'name a region')
  .refine((regions) => regions.join(' ').length <= 240, 'too many regions; say the other half instead');

/** Where data may be. It goes with every point, so that no later setting, and no copy by hand, overrides it. */
export const residencySchema = z
  .strictObject({
    allow: regionsSchema.optional().describe('Nowhere else.'),
    forbid: regionsSchema.optional().describe('Anywhere else.'),
  })
  .refine(
    ({ allow, forbid }) => (allow === undefined) !== (forbid === undefined),
    'give either allow or forbid',
  );

export type Residency = z.output<typeof residencySchema>;

export function mayBeIn({ allow, forbid }: Residency, region: string): boolean {
  return allow ? allow.includes(region) : !forbid?.includes(region);
}

/** One tag value: `allow eu-west-1 eu-central-1`. */
export function formatResidency({ allow, forbid = [] }: Residency): string {
  return allow ? ['allow', ...allow].join(' ') : ['forbid', ...forbid].join(' ');
}

/** What cannot be read allows nothing: a law is better kept too strictly. Without a tag everything is allowed. */
export function parseResidency(text: string | undefined): Residency {
  if (text === undefined) return {};
  const [rule, ...regions] = text.split(' ');
  return rule === 'forbid' ? { forbid: regions } : { allow: rule === 'allow' ? regions : [] };
}

/** One sentence; undefined when the data may be there. */
export function residencyProblem(residency: Residency | undefined, region: string): string | undefined {
  if (!residency || mayBeIn(residency, region)) return undefined;
  return `the policy’s residency does not allow ${region} (${formatResidency(residency)})`;
}
