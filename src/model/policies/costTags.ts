import { z } from 'zod';
import { TAG } from '../names';

/** Room for Holdfast's own tags and the users' other ones: EC2 allows 50 tags a resource. */
const MOST = 10;

/** https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/cost-alloc-tags.html; activate the keys there. */
export const costTagsSchema = z
  .record(z.string().min(1).max(128), z.string().max(256))
  .refine((tags) => Object.keys(tags).length <= MOST, `at most ${MOST} tags`)
  .refine(
    (tags) => Object.keys(tags).every((key) => !/^aws:/i.test(key) && !key.startsWith(TAG.prefix)),
    `keys must not begin with aws: or ${TAG.prefix}`,
  );
