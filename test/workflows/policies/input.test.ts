import { FAILURE } from '../../../src/model/failures';
import { expectFailure } from '../../support/failure';
import { aWorld, type World } from '../../support/world';

describe('bad input to backups', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());

  const policy = (policyName: string, more: object = {}) => ({
    policyName,
    frequency: '4h',
    retention: '30d',
    selector: { tags: { all: { policy: policyName } } },
    ...more,
  });

  it.each([
    ['createBackupPolicy', {}, 'policyName'],
    ['createBackupPolicy', policy('x', { frequency: 'often' }), 'frequency'],
    ['createBackupPolicy', policy('x', { frequency: '5m' }), 'at least 15m'],
    ['createBackupPolicy', policy('x', { rpo: '4h' }), 'rpo: cannot be met'],
    ['createBackupPolicy', policy('x', { retention: '2h' }), 'retention: must be longer'],
    ['createBackupPolicy', policy('x', { retention: { count: 1 } }), 'retention: must be longer'],
    ['createBackupPolicy', policy('x', { retention: {} }), 'retention: say how long'],
    ['createBackupPolicy', policy('x', { retention: { daily: 0 } }), 'retention.daily'],
    ['createBackupPolicy', policy('x', { retention: { keep: 'long' } }), 'retention.keep: not a duration'],
    ['createBackupPolicy', policy('x', { retention: 'long' }), 'retention: not a duration'],
    ['createBackupPolicy', policy('x', { lock: { mode: 'soft' } }), 'lock.mode: governance or compliance'],
    [
      'createBackupPolicy',
      policy('x', { lock: { mode: 'governance', for: '60d' } }),
      'longer than the retention',
    ],
    [
      'createBackupPolicy',
      policy('x', { lock: { mode: 'governance', coolOff: '1h' } }),
      'lock.coolOff: only a',
    ],
    [
      'createBackupPolicy',
      policy('x', { retention: 'forever', lock: { mode: 'governance' } }),
      'lock: for: say how long',
    ],
    [
      'createBackupPolicy',
      policy('x', {
        selector: {
          tags: { all: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, 'v'])) },
        },
      }),
      'at most 50 tags',
    ],
    [
      'createBackupPolicy',
      policy('x', {
        selector: { instanceIds: ['i-12345678'], exclude: { bootVolumes: true, dataVolumes: true } },
      }),
      'leave nothing of an instance',
    ],
    ['setLegalHold', { reason: 'x' }, 'name exactly one of'],
    ['setLegalHold', { policyName: 'p' }, 'reason: say why'],
    ['setLegalHold', { lineage: 'db', reason: 'x' }, 'lineage: write it like'],
    ['createBackupPolicy', policy('x', { selector: {} }), 'selector: it selects nothing'],
    ['createBackupPolicy', policy('x', { copies: [] }), 'copies: leave it out, or name a region'],
    ['createBackupPolicy', policy('x', { archive: { after: '1d' } }), 'archive.after: at least 7d'],
    [
      'createBackupPolicy',
      policy('x', { archive: { after: '7d' } }),
      'archive: after 7d and the 90 days that archiving is paid for at least, no point is left',
    ],
    [
      'createBackupPolicy',
      policy('x', { retention: 'forever', archive: { after: '30d' } }),
      'ever more archived snapshots of a volume, and EBS allows 25',
    ],
    [
      'createBackupPolicy',
      policy('x', { retention: { daily: 30, monthly: 60 }, archive: { after: '30d' } }),
      'makes 59 archived snapshots',
    ],
    ['restoreFromArchive', {}, 'recoveryPointId'],
    ['restoreFromArchive', { recoveryPointId: 'rp-0123456789abcdef0', days: 181 }, 'at most 180 days'],
    ['createBackupPolicy', policy('x', { timezone: 'Mars/Phobos' }), 'timezone: Mars/Phobos'],
    ['createBackupPolicy', policy('no/slash'), 'policyName'],
    ['createBackupPolicy', policy('x', { colour: 'red' }), 'colour: not a field'],
    ['deleteBackupPolicy', undefined, 'missing'],
    ['runBackup', {}, 'policyName'],
    ['runBackup', { schemaVersion: 2 }, 'schemaVersion'],
    ['enforceExpiry', { dryRun: 'yes' }, 'dryRun'],
    ['enforceExpiry', [], 'an array'],
    ['sweepOrphans', { dryRun: 'no' }, 'dryRun'],
    ['sweepOrphans', undefined, 'missing'],
  ])('%s refuses %j, naming %s, without an AWS call', async (type, input, named) => {
    world.proxy.reset();
    expect(await expectFailure(world.run(type, input), FAILURE.invalidInput)).toContain(named);
    expect(world.proxy.calls).toEqual([]);
  });
});
