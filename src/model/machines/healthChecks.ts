import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema } from '../duration';

const LONGEST_CHECK_MS = 3_600_000;
const DEFAULT_TIMEOUT = '2m';
const MOST_CHECKS = 10;
const MOST_COMMANDS = 50;
const MOST_NAME = 100;

/** What `host` and `url` may say of the machine; each is filled in after the start. */
const PLACES = ['privateIp', 'privateDns', 'instanceId'] as const;
export type Places = Record<(typeof PLACES)[number], string>;

const EXAMPLE: Places = { privateIp: '10.0.0.1', privateDns: 'ip-10-0-0-1.ec2.internal', instanceId: 'i-1' };
const KNOWN = PLACES.map((place) => `{${place}}`).join(', ');

const template = z
  .string()
  .min(1)
  .refine(
    (text) =>
      [...text.matchAll(/\{([^}]*)\}/g)].every(([, place]) => PLACES.some((known) => known === place)),
    `it names a place that is not known; known are ${KNOWN}`,
  );

const portSchema = z
  .number()
  .int('a port is a whole number')
  .min(1, 'a port is between 1 and 65535')
  .max(65_535, 'a port is between 1 and 65535');

const hostSchema = template.refine(
  (text) => URL.canParse(`http://${filled(text, EXAMPLE)}/`) && !/[/@?#:\s]/.test(text),
  `not a host; write a name, an address or ${KNOWN}, without scheme, port and path`,
);

const tcpSchema = z.strictObject({
  port: portSchema.describe('A connection to it has to be taken.'),
  host: hostSchema
    .default('{privateIp}')
    .describe("`{privateIp}`, `{privateDns}` and `{instanceId}` are the instance's."),
});

const httpSchema = z
  .strictObject({
    url: template
      .refine(
        (text) => /^https?:\/\//.test(text) && URL.canParse(filled(text, EXAMPLE)),
        'not a URL; write it like http://{privateIp}:8080/health',
      )
      .optional()
      .describe('Instead of port and path.'),
    port: portSchema.optional().describe('With `path`, instead of `url`.'),
    path: z
      .string()
      .regex(/^\/[^\s]*$/, 'a path begins with / and has no spaces')
      .optional()
      .describe('With `port`, instead of `url`.'),
    host: hostSchema.optional().describe('With `port`; the private address when left out.'),
    status: z
      .number()
      .int()
      .min(100, 'an HTTP status is between 100 and 599')
      .max(599, 'an HTTP status is between 100 and 599')
      .default(200)
      .describe('What the answer has to have. A redirect is an answer, and is not followed.'),
  })
  .superRefine(({ url, port, path, host }, context) => {
    const problem = (message: string) => context.addIssue({ code: 'custom', message });
    if ((url === undefined) === (port === undefined)) problem('say where: either url, or port with path');
    else if (url !== undefined && (path !== undefined || host !== undefined))
      problem('url says host and path already; leave them out');
  });

/** What has to succeed on a started machine before it counts as moved: one of `command`, `tcp` and `http`. */
const healthCheckSchema = z
  .strictObject({
    name: z.string().min(1).max(MOST_NAME).optional().describe('By which people and failures call it.'),
    command: z
      .array(z.string().min(1, 'an empty line checks nothing; leave it out'))
      .min(1, 'name at least one line')
      .max(MOST_COMMANDS, `at most ${MOST_COMMANDS} lines; put more into a script on the machine`)
      .optional()
      .describe(
        "Lines of the system's own shell, through SSM Run Command; the last one's exit status counts.",
      ),
    tcp: tcpSchema.optional().describe('A connection from the worker.'),
    http: httpSchema.optional().describe('A request from the worker.'),
    timeout: fixedDurationSchema
      .refine(
        (text) => (fixedDurationMs(text) ?? 0) <= LONGEST_CHECK_MS,
        'at most 1h: the machine is not back before its checks succeed',
      )
      .default(DEFAULT_TIMEOUT)
      .describe('It is tried again for so long.'),
  })
  .superRefine(({ command, tcp, http }, context) => {
    const given = [command, tcp, http].filter((kind) => kind !== undefined);
    if (given.length !== 1)
      context.addIssue({ code: 'custom', message: 'a check is exactly one of command, tcp and http' });
  });

export const healthChecksSchema = z
  .array(healthCheckSchema)
  .max(MOST_CHECKS, `at most ${MOST_CHECKS} checks: each of them can put the machine back`);

export type HealthCheck = z.output<typeof healthCheckSchema>;

export function checkTimeoutMs({ timeout }: HealthCheck): number {
  return fixedDurationMs(timeout) ?? 0;
}

/** As its failure and its row call it. */
export function checkName({ name, command, tcp, http }: HealthCheck): string {
  if (name) return name;
  if (tcp) return `tcp ${tcp.host}:${tcp.port}`;
  return (http ? `http ${urlTemplate(http)}` : (command ?? []).join('; ')).slice(0, MOST_NAME);
}

function urlTemplate({
  url,
  host = '{privateIp}',
  port,
  path = '/',
}: NonNullable<HealthCheck['http']>): string {
  return url ?? `http://${host}:${port}${path}`;
}

/** Where a request goes, of this machine. */
export function urlOf(http: NonNullable<HealthCheck['http']>, places: Places): string {
  return filled(urlTemplate(http), places);
}

/** The text about this machine. */
export function filled(text: string, places: Places): string {
  return PLACES.reduce((told, place) => told.replaceAll(`{${place}}`, places[place]), text);
}

/** Whether the instance's SSM Agent answers; `none` where SSM does not know the instance. */
export type Agent = 'online' | 'lost' | 'none';

const MANAGED =
  'its SSM Agent has to run, with an instance profile that has AmazonSSMManagedInstanceCore and a way to the SSM endpoint';

/** Why a command cannot run in the guest. */
export function agentProblem(agent: Agent | undefined): string | undefined {
  if (agent === undefined || agent === 'online') return undefined;
  return `${agent === 'none' ? 'SSM does not manage it' : 'its SSM Agent does not answer'}: ${MANAGED}`;
}

/** Checks that could only fail after the stop. */
export function healthCheckBlockers(checks: readonly HealthCheck[], agent: Agent | undefined): string[] {
  const why = agentProblem(agent);
  if (!why) return [];
  return checks
    .filter(({ command }) => command !== undefined)
    .map((check) => `health check "${checkName(check)}" is a command, and ${why}`);
}
