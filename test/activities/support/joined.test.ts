import { joined } from '../../../src/activities/support/joined';

describe('activities that several give', () => {
  const keys = { readKey: () => 'key', deleteKey: () => undefined };

  it('are all there', () => {
    const all = joined([keys, { readImage: (amiId: string) => amiId }]);
    expect([all.readKey(), all.readImage('ami-1')]).toEqual(['key', 'ami-1']);
    expect(Object.keys(all)).toEqual(['readKey', 'deleteKey', 'readImage']);
  });

  it('are refused by name where two give one of the same name', () => {
    const images = { readKey: () => 'image', deleteKey: () => undefined, readImage: () => undefined };
    expect(() => joined([keys, images])).toThrow(/^readKey, deleteKey: given by two sets of activities/);
    expect(() => joined([joined([keys]), { readKey: keys.readKey }])).toThrow('readKey');
  });
});
