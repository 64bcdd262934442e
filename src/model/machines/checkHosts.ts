import { checkName, filled, urlOf, type HealthCheck, type Places } from './healthChecks';

const NAME = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i;
const RANGE = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d|[12]\d|3[0-2])$/;
const OWN = /^\{(privateIp|privateDns)\}$/;

/** `db.example.com`, `*.example.com`, `10.0.0.7`, `10.0.0.0/8`, or `{privateIp}` and `{privateDns}` of the machine itself. */
export function isHostPattern(text: string): boolean {
  const [, network] = RANGE.exec(text) ?? [];
  if (network !== undefined) return addressOf(network) !== undefined;
  return OWN.test(text) || NAME.test(text);
}

/**
 * Why the worker must not make a check; undefined where it may. A name counts as it is written, wherever it leads: whoever
 * lists one trusts whoever gives it its addresses.
 *
 * @param allowed patterns as of {@link isHostPattern}; everything is when left out
 */
export function whyNotAllowed(
  check: HealthCheck,
  places: Places,
  allowed: readonly string[] | undefined,
): string | undefined {
  const host = hostOf(check, places);
  if (!allowed || host === undefined) return undefined;
  if (allowed.some((pattern) => matches(filled(pattern, places), host))) return undefined;
  return `health check "${checkName(check)}" would reach ${host}, which HOLDFAST_CHECK_HOSTS of the worker does not name`;
}

/** As a URL normalizes it, which is how it is connected to: `0x7f.1` is `127.0.0.1`. Undefined of a command. */
function hostOf({ tcp, http }: HealthCheck, places: Places): string | undefined {
  if (tcp) return normalized(`http://${filled(tcp.host, places)}/`);
  return http && normalized(urlOf(http, places));
}

function normalized(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : '(no host)';
}

function matches(pattern: string, host: string): boolean {
  const [, network, bits] = RANGE.exec(pattern) ?? [];
  if (network !== undefined) return isIn(host, network, Number(bits));
  if (pattern.startsWith('*.')) return host.endsWith(pattern.slice(1).toLowerCase());
  return host === pattern.toLowerCase();
}

function isIn(host: string, network: string, bits: number): boolean {
  const [address, first] = [addressOf(host), addressOf(network)];
  if (address === undefined || first === undefined) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) === Math.floor(first / size);
}

/** Of IPv4, as a number; undefined of a name. */
function addressOf(text: string): number | undefined {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : NaN));
  if (parts.length !== 4 || parts.some((part) => !(part <= 255))) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
