import { listed } from '../../../src/model/list';
import { residueSentence } from '../../../src/model/encryption/residue';

const TARGET = { accountId: '111111111111', region: 'us-east-1' };
const ids = (count: number) => listed(Array.from({ length: count }, (_, index) => `id-${index}`));

describe('what is left unencrypted', () => {
  it.each([
    [[0, 0, 0, 0], 'nothing in 111111111111/us-east-1 is left unencrypted'],
    [[1, 0, 0, 0], 'still unencrypted in 111111111111/us-east-1: 1 volume'],
    [[0, 1, 2, 0], 'still unencrypted in 111111111111/us-east-1: 1 original kept until commit, 2 snapshots'],
    [
      [300, 2, 1, 2],
      'still unencrypted in 111111111111/us-east-1: 300 volumes, 2 originals kept until commit, 1 snapshot, 2 images',
    ],
  ] as const)('%j is said as %s', ([volumes, originals, snapshots, images], sentence) => {
    const residue = {
      volumes: ids(volumes),
      originals: ids(originals),
      snapshots: ids(snapshots),
      images: ids(images),
    };
    expect(residueSentence(residue, TARGET)).toBe(sentence);
  });
});
