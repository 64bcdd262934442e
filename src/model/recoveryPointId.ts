import { z } from 'zod';

export const recoveryPointIdSchema = z
  .string()
  .regex(/^rp-[0-9a-f]{17}$/, 'not a recovery point id; write it like rp-0123456789abcdef0');
