import { z } from 'zod';

/** `rp-…` of a backup; `mig-…` of what a commit of a migration keeps, `mig-…-kept` of what its rollback keeps. */
export const recoveryPointIdSchema = z
  .string()
  .regex(
    /^(rp-[0-9a-f]{17}|mig-[0-9a-f]{17}(-kept)?)$/,
    'not a recovery point id; write it like rp-0123456789abcdef0',
  );
