import { z } from 'zod';

/** EC2's limits on tags: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
const tagsSchema = z
  .record(
    z.string().min(1).max(128),
    z.union([z.string().max(256), z.array(z.string().max(256)).min(1).max(50)]),
  )
  .refine((tags) => Object.keys(tags).length <= 50, 'at most 50 tags');

const tagSelectorSchema = z.strictObject({
  all: tagsSchema.optional().describe('Every one of these; a list of values means any of them.'),
  any: tagsSchema.optional().describe('At least one of these.'),
  not: tagsSchema.optional().describe('None of these.'),
});

const instanceIdSchema = z
  .string()
  .regex(/^i-[0-9a-f]{8,17}$/, 'not an instance id; write it like i-0123456789abcdef0');
const volumeIdSchema = z
  .string()
  .regex(/^vol-[0-9a-f]{8,17}$/, 'not a volume id; write it like vol-0123456789abcdef0');

export const instanceIdsSchema = z.array(instanceIdSchema).min(1, 'name at least one instance').max(1000);
export const volumeIdsSchema = z.array(volumeIdSchema).min(1, 'name at least one volume').max(1000);

/** Something by its own tags alone. */
export const tagsSelectorSchema = tagSelectorSchema.refine(
  ({ all, any }) => hasTags(all) || hasTags(any),
  'name a tag under all or any; not alone would select nearly everything',
);

const selectorFields = {
  tags: tagsSelectorSchema.optional().describe('By tags of instances and of volumes themselves.'),
  instanceIds: instanceIdsSchema.optional().describe('An instance stands for all its volumes.'),
  volumeIds: volumeIdsSchema.optional().describe('By id.'),
};

function selectsSomething({
  tags,
  instanceIds,
  volumeIds,
}: Partial<Record<keyof typeof selectorFields, unknown>>) {
  return tags !== undefined || instanceIds !== undefined || volumeIds !== undefined;
}

const SELECTS_NOTHING = 'it selects nothing; give tags, instanceIds or volumeIds';

/**
 * What something is about: instances and volumes by tags, by id, or both. An instance stands for all its volumes; a
 * volume's own tags count too.
 */
export const selectorSchema = z.strictObject(selectorFields).refine(selectsSomething, SELECTS_NOTHING);

/** Volumes that are left out although their instance, or they themselves, are selected. */
const excludeSchema = z
  .strictObject({
    bootVolumes: z.boolean().optional().describe('The volumes that instances start from.'),
    dataVolumes: z.boolean().optional().describe('All others of an instance.'),
    tags: tagsSchema
      .refine((tags) => hasTags(tags), 'name a tag, or leave it out')
      .optional()
      .describe('Volumes that carry any of these themselves.'),
  })
  .refine(
    ({ bootVolumes, dataVolumes }) => !(bootVolumes && dataVolumes),
    'bootVolumes and dataVolumes together leave nothing of an instance',
  );

/** A backup policy may leave volumes out; what moves whole machines may not. */
export const policySelectorSchema = z
  .strictObject({ ...selectorFields, exclude: excludeSchema.optional().describe('Volumes to leave out.') })
  .refine(selectsSomething, SELECTS_NOTHING);

export type Exclusion = z.output<typeof excludeSchema>;
export type PolicySelector = z.output<typeof policySelectorSchema>;

export type Selector = z.output<typeof selectorSchema>;
type TagSelector = z.output<typeof tagSelectorSchema>;
type Tags = z.output<typeof tagsSchema>;

function hasTags(tags: Tags | undefined): boolean {
  return tags !== undefined && Object.keys(tags).length > 0;
}

/** Whether a resource's tags are what the selector asks for; false without a tag selector. */
export function matchesTags(
  selector: TagSelector | undefined,
  tags: Readonly<Record<string, string>>,
): boolean {
  if (!selector) return false;
  const has = ([key, wanted]: [string, string | string[]]) =>
    Object.hasOwn(tags, key) && [wanted].flat().includes(tags[key] ?? '');
  const { all = {}, any = {}, not = {} } = selector;
  return (
    Object.entries(all).every(has) &&
    (Object.keys(any).length === 0 || Object.entries(any).some(has)) &&
    !Object.entries(not).some(has)
  );
}

/** Whether a volume is left out. */
export function isExcluded(
  exclude: Exclusion | undefined,
  volume: { isBoot: boolean; isOfInstance: boolean; tags: Readonly<Record<string, string>> },
): boolean {
  const { bootVolumes = false, dataVolumes = false, tags } = exclude ?? {};
  if (volume.isOfInstance && (volume.isBoot ? bootVolumes : dataVolumes)) return true;
  return matchesTags(tags && { any: tags }, volume.tags);
}

interface EC2Filter {
  Name: string;
  Values: string[];
}

/** EC2 takes so many filters in one call, and so many values in all of them: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html */
const MOST_FILTERS = 50;
export const MOST_FILTER_VALUES = 200;

/** Data volumes that CreateSnapshots leaves out at most: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html */
export const MOST_EXCLUDED = 40;

/** What a filter means as it stands: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#advanced-filters */
export function literally(value: string): string {
  return value.replace(/[\\*?]/g, '\\$&');
}

/**
 * The part of a tag selector that EC2 can filter by in one call; the rest is for {@link matchesTags}. A tag whose values do not
 * fit is asked for with any value, and one that does not fit at all is not asked for: then more is read than is selected.
 *
 * @param others that go with them
 */
export function tagFilters(
  { all = {}, any = {} }: TagSelector,
  others: readonly EC2Filter[] = [],
): EC2Filter[] {
  const anyKeys = Object.keys(any);
  const byTag = Object.entries(all).map(([key, values]) => ({
    Name: `tag:${key}`,
    Values: [values].flat().map(literally),
  }));
  const fewestFirst = byTag.sort((a, b) => a.Values.length - b.Values.length);
  const fixed = [
    ...others,
    ...(anyKeys.length > 0 ? [{ Name: 'tag-key', Values: anyKeys.map(literally) }] : []),
  ];
  const chosen: EC2Filter[] = [];
  let room = MOST_FILTER_VALUES - fixed.reduce((sum, { Values }) => sum + Values.length, 0);
  for (const [index, filter] of fewestFirst.entries()) {
    if (fixed.length + chosen.length === MOST_FILTERS || room === 0) break;
    // Each of those that come later has room for any value at least.
    const later = fewestFirst.length - index - 1;
    const fits = filter.Values.length <= room - later || filter.Values.length === 1;
    chosen.push(fits ? filter : { Name: filter.Name, Values: ['*'] });
    room -= fits ? filter.Values.length : 1;
  }
  return [...chosen, ...fixed];
}
