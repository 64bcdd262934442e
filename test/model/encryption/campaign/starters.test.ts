import { startMade } from '../../../../src/model/encryption/campaign/starters';

const at = new Date('2026-11-20T08:00:00Z');
const event = (userIdentity: object, more: object = {}) =>
  startMade(
    JSON.stringify({
      userIdentity,
      requestParameters: { instancesSet: { items: [{ instanceId: 'i-1' }, { instanceId: 'i-2' }] } },
      ...more,
    }),
    at,
  );

describe('a StartInstances event', () => {
  const role = 'arn:aws:iam::111122223333:role/service-role/scheduler';
  const session = 'arn:aws:sts::111122223333:assumed-role/scheduler/daily';
  const user = 'arn:aws:iam::111122223333:user/ann';

  it('names the role behind a session, and all instances', () => {
    const identity = { type: 'AssumedRole', arn: session, sessionContext: { sessionIssuer: { arn: role } } };
    expect(event(identity)).toEqual({
      starter: { arn: role, session },
      instanceIds: ['i-1', 'i-2'],
      atMs: at.getTime(),
    });
  });

  it.each([
    [{ type: 'IAMUser', arn: user }, user],
    [{ type: 'FederatedUser', arn: 'x', sessionContext: { sessionIssuer: { arn: user } } }, user],
    [
      { type: 'FederatedUser', arn: 'x', sessionContext: { sessionIssuer: { arn: 'arn:aws:iam::1:root' } } },
      undefined,
    ],
    [{ type: 'Root', arn: 'arn:aws:iam::111122223333:root' }, undefined],
    [{ type: 'AWSService', invokedBy: 'autoscaling.amazonaws.com' }, undefined],
  ])('of %j is by %s', (identity, arn) => {
    expect(event(identity)?.starter?.arn).toBe(arn);
  });

  it('counts for nothing where it was refused', () => {
    expect(
      event({ type: 'IAMUser', arn: user }, { errorCode: 'Client.UnauthorizedOperation' }),
    ).toBeUndefined();
  });
});
