import { z } from 'zod';

export const policyNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'at most 64 letters, digits, dots, dashes or underscores, starting with a letter or digit',
  )
  .describe('Name of the policy.');
