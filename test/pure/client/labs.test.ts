import * as client from '../../../src/client';
import { methodOf, OPERATION_NAMES } from '../../../src/model/operations';

describe('operations for programs', () => {
  const ran: unknown[][] = [];
  const holdfast = {
    run: (...asked: unknown[]) => Promise.resolve(void ran.push(asked)),
  } as unknown as client.Holdfast;
  const labs = [client.SnapshotManager, client.EncryptionManager, client.CrossAccountAmiManager].map(
    (Manager) => new Manager(holdfast) as unknown as Record<string, (input: object) => Promise<void>>,
  );
  beforeEach(() => void ran.splice(0));

  it.each(OPERATION_NAMES)('%s is a function, and a method of one lab', async (name) => {
    const run = client[name] as unknown as (...asked: object[]) => Promise<void>;
    await run(holdfast, { asked: name }, { workflowId: 'mine' });
    const offering = labs.filter((lab) => methodOf(name) in lab);
    expect(offering).toHaveLength(1);
    await offering[0]?.[methodOf(name)]?.({ asked: name });
    expect(ran).toEqual([
      [name, { asked: name }, { workflowId: 'mine' }],
      [name, { asked: name }, undefined],
    ]);
  });
});
