import { z } from 'zod';

/**
 * Messages that workflows take, each as an update (people: validated, answered) and as a signal of the same name
 * (parents, bulk). All are idempotent.
 */
export const MESSAGE_NAMES = [
  'approve',
  'reject',
  'pause',
  'resume',
  'cancelItem',
  'rollback',
  'commit',
] as const;

export type MessageName = (typeof MESSAGE_NAMES)[number];

/** `by` is a claim, not authentication: whoever may send updates to the namespace may write any name here. */
export const messageSchema = z.strictObject({
  by: z.string().min(1, 'say who you are').max(128),
  reason: z.string().min(1, 'say why').max(1000),
  items: z.array(z.string().min(1)).max(1000).optional(),
});

export type Message = z.output<typeof messageSchema>;
