import { z } from 'zod';
import { parseInput, type Parsed } from './input';

/** The signal by which a migration tells its campaign how it ended. */
export const MIGRATION_ENDED = 'migrationEnded';

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
const messageSchema = z.strictObject({
  by: z.string().min(1, 'say who you are').max(128),
  reason: z.string().min(1, 'say why').max(1000),
  items: z.array(z.string().min(1)).max(1000).optional(),
});

export type Message = z.output<typeof messageSchema>;

/** Whether two names that people claim mean one person, as far as their letters tell: `Ann`, `ann ` and a full-width ａｎｎ do. */
export function isSamePerson(one: string, other: string): boolean {
  return plainName(one) === plainName(other);
}

function plainName(name: string): string {
  return name.normalize('NFKC').replace(/\s+/g, ' ').trim().toLowerCase();
}

export function parseMessage(input: unknown): Parsed<Message> {
  return parseInput(messageSchema, input);
}

/** How each of these is sent from a shell, as Markdown; whoever pastes it puts in who they are and why. */
export function howToSend(
  workflowId: string,
  messages: Partial<Record<MessageName, Record<string, unknown>>>,
): string {
  const commands = Object.entries(messages).map(([name, more]) => {
    const said = JSON.stringify({ by: 'YOU', reason: 'WHY', ...more });
    return `temporal workflow update execute --workflow-id '${workflowId}' --name ${name} --input '${said}'`;
  });
  return ['```', ...commands, '```'].join('\n');
}

/** Going back to originals loses, from the machine's view, what was written since: whoever wants that has to say so. */
const rollbackSchema = messageSchema.extend({
  /** ISO 8601: all that was written to the new volumes since then may go from the machine; it stays as snapshots. */
  acceptWriteLossSince: z.iso
    .datetime({ offset: true, error: 'a time in ISO 8601, like 2026-11-25T04:00:00Z' })
    .optional(),
});

export type RollbackMessage = z.output<typeof rollbackSchema>;

export function parseRollback(input: unknown): Parsed<RollbackMessage> {
  return parseInput(rollbackSchema, input);
}

/** Undefined when the message accepts the loss of everything that was written since then. */
export function lossNotAccepted(
  { acceptWriteLossSince: accepted }: RollbackMessage,
  writesSinceMs: number,
): string | undefined {
  if (accepted !== undefined && Date.parse(accepted) <= writesSinceMs) return undefined;
  const since = new Date(writesSinceMs).toISOString();
  const later = accepted === undefined ? '' : `, and acceptWriteLossSince ${accepted} is later`;
  return `what was written since ${since} is on the new volumes only${later}; it would leave with them, kept as an encrypted recovery point. If that is meant, send "acceptWriteLossSince": "${since}"`;
}
