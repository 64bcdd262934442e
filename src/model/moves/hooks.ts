import { z } from 'zod';
import { fixedDurationMs } from '../duration';
import { agentProblem, type Agent } from '../machines/healthChecks';
import { hookSchema, type Hook, type HookStep } from '../machines/hooks';

/** What runs in the guest around a migration's stop; either may be left out. */
export const migrationHooksSchema = z
  .strictObject({
    pre: hookSchema
      .optional()
      .describe('Right before the stop, after draining; where it fails, the machine is not stopped.'),
    post: hookSchema
      .optional()
      .describe(
        "After the start and EC2's status checks, before the health checks; and after every rollback.",
      ),
  })
  .superRefine(({ pre, post }, context) => {
    if (!pre && !post)
      context.addIssue({ code: 'custom', message: 'say pre, post or both, or leave hooks out' });
  });

export type MigrationHooks = z.output<typeof migrationHooksSchema>;

/** `-back` on the way to the originals, in an undo and in a rollback. */
export type MigrationHookStep = Extract<HookStep, 'pre' | 'post' | 'pre-back' | 'post-back'>;

export function hookTimeoutMs({ timeout }: Hook): number {
  return fixedDurationMs(timeout) ?? 0;
}

/** Hooks that could not run. */
export function hookBlockers(hooks: MigrationHooks | undefined, agent: Agent | undefined): string[] {
  const why = agentProblem(agent);
  if (!hooks || !why) return [];
  const names = [...(hooks.pre ? ['pre'] : []), ...(hooks.post ? ['post'] : [])];
  return [`hooks: ${names.join(' and ')} cannot run, because ${why}`];
}
