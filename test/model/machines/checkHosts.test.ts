import { isHostPattern, whyNotAllowed } from '../../../src/model/machines/checkHosts';
import type { HealthCheck } from '../../../src/model/machines/healthChecks';

const PLACES = { privateIp: '10.1.2.3', privateDns: 'ip-10-1-2-3.ec2.internal', instanceId: 'i-1' };
const tcp = (host: string) => ({ tcp: { host, port: 5432 } }) as HealthCheck;
const http = (url: string) => ({ http: { url, status: 200 } }) as HealthCheck;

describe('the hosts that health checks may reach', () => {
  it.each<[string, HealthCheck, string[]]>([
    ['the machine itself', tcp('{privateIp}'), ['{privateIp}']],
    ['the machine by its name', tcp('{privateDns}'), ['{privateDns}']],
    ['an address of a range', tcp('10.255.0.1'), ['10.0.0.0/8']],
    ['one address', tcp('10.0.0.7'), ['192.168.0.0/16', '10.0.0.7']],
    ['a name', http('https://DB.example.com:8443/health'), ['db.example.com']],
    ['a name of a domain', http('http://{instanceId}.checks.example.com/'), ['*.example.com']],
    ['anything where nothing is configured', tcp('169.254.169.254'), []],
    ['a command, which the worker reaches nobody for', { command: ['true'] } as HealthCheck, ['10.0.0.0/8']],
  ])('are %s', (what, check, allowed) => {
    const list = what.includes('nothing is configured') ? undefined : allowed;
    expect(whyNotAllowed(check, PLACES, list)).toBeUndefined();
  });

  it.each<[string, HealthCheck, string[]]>([
    ['the metadata service', http('http://169.254.169.254/latest/meta-data/'), ['10.0.0.0/8']],
    ['the worker itself, in an odd form', http('http://0x7f.1:8080/'), ['10.0.0.0/8', '{privateIp}']],
    ['a neighbour of a range', tcp('11.0.0.1'), ['10.0.0.0/8']],
    ['a name that only ends alike', tcp('badexample.com'), ['*.example.com']],
    ['an address that looks like a name', tcp('10.0.0.1.example.org'), ['10.0.0.0/8']],
    ['a user in front of the host', http('http://10.0.0.1@evil.example/'), ['10.0.0.1']],
    ['anything where the list is empty', tcp('{privateIp}'), []],
  ])('are not %s', (_what, check, allowed) => {
    expect(whyNotAllowed(check, PLACES, allowed)).toContain('HOLDFAST_CHECK_HOSTS');
  });

  it.each(['db', 'db.example.com', '*.example.com', '10.0.0.1', '10.0.0.0/8', '{privateIp}'])(
    'are written like %s',
    (text) => expect(isHostPattern(text)).toBe(true),
  );
  it.each(['*', 'http://db', '10.0.0.0/33', '300.0.0.0/8', 'a*.b', '{instanceId}', 'db:80'])(
    'are not written like %s',
    (text) => expect(isHostPattern(text)).toBe(false),
  );
});
