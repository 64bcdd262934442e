import { joinActivities } from '../../../src/activities/support/joinActivities';

describe('activities that several give', () => {
  const keys = { readKey: () => 'key', deleteKey: () => undefined };

  it('are all there', () => {
    const all = joinActivities([keys, { readImage: (amiId: string) => amiId }]);
    expect([all.readKey(), all.readImage('ami-1')]).toEqual(['key', 'ami-1']);
    expect(Object.keys(all)).toEqual(['readKey', 'deleteKey', 'readImage']);
  });

  it('are refused by name where two give one of the same name', () => {
    const images = { readKey: () => 'image', deleteKey: () => undefined, readImage: () => undefined };
    expect(() => joinActivities([keys, images])).toThrow(
      /^readKey, deleteKey: given by two sets of activities/,
    );
    expect(() => joinActivities([joinActivities([keys]), { readKey: keys.readKey }])).toThrow('readKey');
  });
});
