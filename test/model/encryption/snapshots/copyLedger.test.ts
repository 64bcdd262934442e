import {
  CopyLedger,
  MOST_COPIES,
  packCopies,
  unpackCopies,
} from '../../../../src/model/encryption/snapshots/copyLedger';
import { agrees } from '../../../../src/model/encryption/snapshots/copyProof';

const id = (number: number) => `snap-${number.toString(16).padStart(17, '0')}`;
const pair = (number: number) => ({ snapshotId: id(number), copyId: id(number + 1_000_000) });

describe('the copies that a run has recorded', () => {
  it('go from run to run as they are, old and new ids', () => {
    const copies = [pair(1), { snapshotId: 'snap-0123abcd', copyId: 'snap-4567cdef' }];
    expect(unpackCopies(packCopies(copies))).toEqual(copies);
    expect(unpackCopies(packCopies([]))).toEqual([]);
    expect(new CopyLedger(new CopyLedger(packCopies(copies)).packed()).size).toBe(2);
  });

  it('stay far below what Temporal takes, as many as a run may make', () => {
    const ledger = new CopyLedger();
    ledger.add(Array.from({ length: MOST_COPIES }, (_, index) => pair(index)));
    expect(ledger.packed().length).toBeLessThan(1_000_000);
  });

  it('are committed a page at a time, each once, and only those that were asked for', () => {
    const ledger = new CopyLedger();
    ledger.add([pair(3), pair(1), pair(2)]);
    const first = ledger.page(2);
    expect(first).toEqual([pair(1), pair(2)]);
    // What stays is not asked for again in the same pass.
    ledger.remove([pair(1).copyId]);
    expect(ledger.page(2, first.at(-1)?.copyId)).toEqual([pair(3)]);
    expect(ledger.page(5, undefined, new Set([id(2), id(1), id(9)]))).toEqual([pair(2)]);
    expect(ledger.copied()).toEqual(new Set([id(2), id(3)]));
  });
});

describe("EC2's own record of a copy", () => {
  const KEY = 'arn:aws:kms:us-east-1:111111111111:key/1';
  const wanted = { kmsKeyArn: KEY, description: 'holdfast/es-1', sinceMs: 1000 };
  const original = { sizeGiB: 8, description: 'nightly', startedAt: 500 };
  const copy = {
    volumeId: 'vol-ffffffff',
    encrypted: true,
    kmsKeyId: KEY,
    sizeGiB: 8,
    description: 'holdfast/es-1',
    startedAt: 1000,
  };
  it.each<[string, object, boolean]>([
    ['all of it', {}, true],
    ['the description of the original, a recovery point', { description: 'nightly' }, true],
    ['another volume: it is a snapshot and no copy', { volumeId: 'vol-1' }, false],
    ['no encryption', { encrypted: false }, false],
    ['another key', { kmsKeyId: 'k' }, false],
    ['another size', { sizeGiB: 9 }, false],
    ['other words', { description: 'holdfast/es-2' }, false],
    ['a start before any call', { startedAt: 999 }, false],
  ])('with %s: %s', (_, more, expected) => {
    expect(agrees({ ...copy, ...more }, original, wanted)).toBe(expected);
  });

  it('of one that is older than its original does not agree', () => {
    expect(agrees(copy, { ...original, startedAt: 2000 }, wanted)).toBe(false);
  });

  it('says less where the original is gone', () => {
    expect(agrees({ ...copy, sizeGiB: 9, description: 'holdfast/rp-1' }, undefined, wanted)).toBe(true);
    expect(agrees({ ...copy, kmsKeyId: 'k' }, undefined, wanted)).toBe(false);
  });
});
