import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema } from '../duration';
import type { PolicySelector } from '../selector';

/** Frozen file systems keep programs waiting; what takes longer than this is no freeze. */
const LONGEST_STEP_MS = 3_600_000;
const DEFAULT_TIMEOUT = '2m';
const MOST_COMMANDS = 50;

/** What runs in the guest through SSM Run Command: lines of the system's own shell, or a document. */
export const hookSchema = z
  .strictObject({
    commands: z
      .array(z.string().min(1, 'an empty command does nothing; leave it out'))
      .min(1, 'name at least one command')
      .max(MOST_COMMANDS, 'at most 50 lines; put more into a document')
      .optional()
      .describe("Lines of the guest's own shell. These, or `document`."),
    document: z
      .string()
      .regex(/^[a-zA-Z0-9_\-.:/]{3,200}$/, 'the name or ARN of an SSM Command document')
      .optional()
      .describe('Name or ARN of an SSM Command document.'),
    parameters: z.record(z.string(), z.array(z.string())).optional().describe('Of the document.'),
    timeout: fixedDurationSchema
      .refine(
        (text) => (fixedDurationMs(text) ?? 0) <= LONGEST_STEP_MS,
        'at most 1h: programs wait all that time',
      )
      .default(DEFAULT_TIMEOUT)
      .describe('How long it may run; then it is cancelled and has failed.'),
  })
  .superRefine(({ commands, document, parameters }, context) => {
    if ((commands === undefined) === (document === undefined))
      context.addIssue({ code: 'custom', message: 'say what to run: either commands or a document' });
    else if (commands && parameters)
      context.addIssue({
        code: 'custom',
        path: ['parameters'],
        message: 'parameters belong to a document; leave them out',
      });
  });

/** What happens in the guest before and after a snapshot set. */
export const hooksSchema = z
  .strictObject({
    pre: hookSchema.optional().describe('Brings the instance to rest.'),
    post: hookSchema.optional().describe('Lets it go on: runs whenever `pre` may have begun.'),
    onFailure: z
      .enum(['abort', 'crashConsistent'], { error: 'abort or crashConsistent' })
      .default('abort')
      .describe("What becomes of an instance's point when it cannot be brought to rest."),
    vss: z
      .boolean()
      .default(false)
      .describe(
        "Sets of Windows instances are made by AWS's VSS document; `pre` and `post` are for the others then.",
      ),
  })
  .superRefine(({ pre, post, vss }, context) => {
    const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (pre && !post)
      problem(
        ['post'],
        "say how to thaw what pre freezes; where there is nothing to thaw, commands: ['true'] says so",
      );
    if (post && !pre) problem(['pre'], 'post only follows pre; say what to run before the snapshots');
    if (!pre && !post && !vss) problem([], 'say pre and post, or vss: true, or leave hooks out');
  });

export type Hook = z.output<typeof hookSchema>;
export type Hooks = z.output<typeof hooksSchema>;

/** One sentence; undefined when the hooks fit what the policy selects. */
export function hooksProblem(hooks: Hooks, selector: PolicySelector | undefined): string | undefined {
  if (hooks.vss && selector?.exclude?.dataVolumes)
    return 'vss: AWS’s VSS document takes every data volume; remove exclude.dataVolumes, or vss';
  return undefined;
}

/** The steps that have a mark; `vss` makes the set itself; of a migration there are also its way back, and numbered checks. */
export type HookStep = 'pre' | 'post' | 'vss' | 'pre-back' | 'post-back' | `check${number}`;

export interface HookMark {
  /** Of what a migration runs: its id. */
  recoveryPointId: string;
  step: HookStep;
  /** Which set of the point it is about, or which try of the check, from 1; of a migration's hook any number. */
  attempt: number;
}

/** Run Command has no client token: the comment, of at most 100 characters, says whose command it is. */
export function formatHookMark({ recoveryPointId, step, attempt }: HookMark): string {
  return `holdfast/${recoveryPointId}/${step}/${attempt}`;
}

/** Undefined for the comments of others. */
export function parseHookMark(comment = ''): HookMark | undefined {
  const match =
    /^holdfast\/((?:rp|mig)-[0-9a-f]+)\/((?:pre|post)(?:-back)?|vss|check\d{1,2})\/(\d{1,4})$/.exec(comment);
  const [, recoveryPointId, step, attempt] = match ?? [];
  return recoveryPointId && step
    ? { recoveryPointId, step: step as HookStep, attempt: Number(attempt) }
    : undefined;
}
