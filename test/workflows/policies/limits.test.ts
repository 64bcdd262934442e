import { FAILURE } from '../../../src/model/failures';
import { listed } from '../../../src/model/list';
import type { Target } from '../../../src/model/target';
import { expectFailure } from '../../support/failure';
import { aWorld, type World } from '../../support/world';
import type { TargetSurvey } from '../../../src/model/policies/survey';

/** The local AWS would take an hour to make as many volumes. */
const VOLUMES = 10_000;

describe('a policy for more volumes than AWS’s limits can carry', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld({
      override: () => ({
        surveyTarget: ({ target }: { target: Target }): Promise<TargetSurvey> =>
          Promise.resolve({
            target,
            instances: VOLUMES,
            volumesAlone: 0,
            volumes: VOLUMES,
            gib: VOLUMES,
            unprotected: listed([]),
          }),
      }),
    });
  });
  afterAll(() => world.close());

  const create = (more: object) =>
    world.run('createBackupPolicy', { policyName: 'many', retention: '30d', ...more });

  it.each([
    [{ frequency: '2h', rpo: '12h' }, 'frequency: a run takes 3 h 20 min at least'],
    [{ frequency: '4h', rpo: '6h' }, 'make 7 h 20 min'],
    [{ frequency: '6h', copies: [{ toRegion: 'eu-west-1' }] }, 'the queue would only grow'],
  ])('is refused with the sum: %j', async (more, message) => {
    expect(await expectFailure(create(more), FAILURE.invalidInput)).toContain(message);
    const schedules = [];
    for await (const schedule of world.client.schedule.list()) schedules.push(schedule);
    expect(schedules).toEqual([]);
  });

  it('is taken when it comes out', async () => {
    expect(await create({ frequency: '8h' })).toMatchObject({ status: 'CREATED' });
  });
});
