import { covers, type Hold } from '../../../src/model/retention/hold';

const HERE = { accountId: '111111111111', region: 'us-east-1' };
const THERE = { accountId: '111111111111', region: 'eu-west-1' };
const POINT = {
  recoveryPointId: 'rp-1',
  policyName: 'p',
  lineage: 'i-1:/dev/sdf',
  sourceId: 'i-1',
  volumeId: 'vol-1',
};
const hold = (held: Partial<Hold>): Hold => ({ holdId: 'h', reason: 'case 7', ...held });

it.each<[Partial<Hold>, boolean]>([
  [{ recoveryPointId: 'rp-1' }, true],
  [{ recoveryPointId: 'rp-2' }, false],
  [{ policyName: 'p' }, true],
  [{ policyName: 'q' }, false],
  [{ lineage: 'i-1' }, true],
  [{ lineage: 'i-1:/dev/sdf' }, true],
  [{ lineage: 'i-1:/dev/sdg' }, false],
  [{ lineage: 'vol-1' }, true],
  [{ lineage: 'vol-2' }, false],
  [{ policyName: 'p', targets: [HERE] }, true],
  [{ policyName: 'p', targets: [THERE] }, false],
])('a hold of %j covers the point: %s', (held, isCovered) => {
  expect(covers(hold(held), POINT, HERE)).toBe(isCovered);
});
