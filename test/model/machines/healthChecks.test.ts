import { parseInput, operationInput } from '../../../src/model/input';
import {
  checkName,
  healthCheckBlockers,
  healthChecksSchema,
  urlOf,
} from '../../../src/model/machines/healthChecks';

const schema = operationInput({ healthChecks: healthChecksSchema });
const parsed = (...healthChecks: object[]) => parseInput(schema, { healthChecks });
const problemsOf = (check: object): string => {
  const answer = parsed(check);
  return answer.ok ? '' : answer.problems;
};
const checksOf = (...given: object[]) => healthChecksSchema.parse(given);
const PLACES = { privateIp: '10.1.2.3', privateDns: 'ip-10-1-2-3.ec2.internal', instanceId: 'i-1' };

describe('health checks', () => {
  it('wait for two minutes, go to the private address and expect 200 where nothing else is said', () => {
    expect(checksOf({ tcp: { port: 5432 } }, { http: { port: 80 } })).toEqual([
      { tcp: { port: 5432, host: '{privateIp}' }, timeout: '2m' },
      { http: { port: 80, status: 200 }, timeout: '2m' },
    ]);
  });

  it('are read as they were written', () => {
    const once = checksOf({ command: ['true'] }, { http: { url: 'https://{privateDns}/up', status: 204 } });
    expect(healthChecksSchema.parse(once)).toEqual(once);
  });

  it.each<[string, object, string]>([
    ['of no kind', { timeout: '1m' }, 'healthChecks[0]: a check is exactly one of command, tcp and http'],
    ['of two kinds', { command: ['true'], tcp: { port: 1 } }, 'exactly one of command, tcp and http'],
    ['with a word that is not known', { command: ['true'], user: 'me' }, 'healthChecks[0].user: not a field'],
    ['without lines', { command: [] }, 'healthChecks[0].command: name at least one line'],
    ['with an empty line', { command: [''] }, 'an empty line checks nothing'],
    ['with port 0', { tcp: { port: 0 } }, 'healthChecks[0].tcp.port: a port is between 1 and 65535'],
    ['with half a port', { tcp: { port: 1.5 } }, 'a port is a whole number'],
    [
      'with a port in its host',
      { tcp: { port: 1, host: 'db:5432' } },
      'healthChecks[0].tcp.host: not a host',
    ],
    ['with another place', { tcp: { port: 1, host: '{publicIp}' } }, 'known are {privateIp}, {privateDns}'],
    ['with a url that is none', { http: { url: 'http://' } }, 'healthChecks[0].http.url: not a URL'],
    ['with another scheme', { http: { url: 'ftp://{privateIp}/' } }, 'not a URL; write it like http://'],
    ['with url and port', { http: { url: 'http://a/', port: 80 } }, 'either url, or port with path'],
    ['with url and path', { http: { url: 'http://a/', path: '/b' } }, 'url says host and path already'],
    ['with neither', { http: { path: '/b' } }, 'healthChecks[0].http: say where'],
    ['with a path without /', { http: { port: 80, path: 'b' } }, 'a path begins with /'],
    ['with a status that is none', { http: { port: 80, status: 20 } }, 'between 100 and 599'],
    ['for too long', { command: ['true'], timeout: '2h' }, 'healthChecks[0].timeout: at most 1h'],
    ['in seconds', { command: ['true'], timeout: '30s' }, 'not a length of time'],
  ])('%s are refused', (_, check, problem) => {
    expect(problemsOf(check)).toContain(problem);
  });

  it('are ten at most', () => {
    const answer = parsed(...Array.from({ length: 11 }, () => ({ command: ['true'] })));
    expect(answer).toMatchObject({ ok: false, problems: expect.stringContaining('at most 10') as string });
  });

  it('ask the machine that has started', () => {
    const [byPort, byUrl] = checksOf(
      { http: { port: 8080, path: '/up' } },
      { http: { url: 'https://{instanceId}.example.com/{privateIp}' } },
    );
    expect(byPort?.http && urlOf(byPort.http, PLACES)).toBe('http://10.1.2.3:8080/up');
    expect(byUrl?.http && urlOf(byUrl.http, PLACES)).toBe('https://i-1.example.com/10.1.2.3');
  });

  it('are called by their name, or by what they do', () => {
    const checks = checksOf(
      { name: 'orders', command: ['true'] },
      { command: ['cd /srv', './check'] },
      { tcp: { port: 5432 } },
      { http: { port: 80 } },
    );
    const does = ['orders', 'cd /srv; ./check', 'tcp {privateIp}:5432', 'http http://{privateIp}:80/'];
    expect(checks.map(checkName)).toEqual(does);
  });

  it('by command block a machine that SSM cannot reach, and others do not', () => {
    const checks = checksOf({ command: ['true'] }, { tcp: { port: 1 } });
    expect(healthCheckBlockers(checks, 'online')).toEqual([]);
    expect(healthCheckBlockers(checks, undefined)).toEqual([]);
    expect(healthCheckBlockers(checks, 'none')).toHaveLength(1);
    expect(healthCheckBlockers(checks, 'none')[0]).toContain('SSM does not manage it');
    expect(healthCheckBlockers(checks, 'lost')[0]).toContain('does not answer');
  });
});
