import {
  CreateImageCommand,
  DescribeImagesCommand,
  EC2Client,
  ModifyImageAttributeCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateAccountCommand,
  CreateOrganizationCommand,
  CreateOrganizationalUnitCommand,
  DescribeOrganizationCommand,
  ListRootsCommand,
  MoveAccountCommand,
  OrganizationsClient,
} from '@aws-sdk/client-organizations';
import { administrator } from '../../local/stack/roles';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { anInstance } from '../support/seed';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/share-amis-with-organizations-and-OUs.html */
describe('images that are shared with an organization', () => {
  const region = 'us-east-1';
  let aws: AwsServer;
  let owner: TestAccount;
  let organizations: OrganizationsClient;
  const clients: { destroy(): void }[] = [];

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    owner = await aws.account();
    const credentials = { accessKeyId: 'management', secretAccessKey: 'account' };
    organizations = new OrganizationsClient({ region, endpoint: aws.endpoint, credentials });
    await organizations.send(new CreateOrganizationCommand({ FeatureSet: 'ALL' }));
  });
  afterAll(() => {
    for (const client of [organizations, ...clients]) client.destroy();
    aws.stop();
  });

  async function member(): Promise<{ accountId: string; sees: (id: string) => Promise<boolean> }> {
    const name = `a${clients.length}`;
    const { CreateAccountStatus } = await organizations.send(
      new CreateAccountCommand({ AccountName: name, Email: `${name}@example.com` }),
    );
    const accountId = CreateAccountStatus?.AccountId ?? '';
    const credentials = await administrator(aws.endpoint, accountId);
    const ec2 = new EC2Client({ region, endpoint: aws.endpoint, credentials });
    clients.push(ec2);
    return {
      accountId,
      sees: async (id) => {
        const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ExecutableUsers: ['self'] }));
        const { Images: all = [] } = await ec2.send(new DescribeImagesCommand({}));
        return [...Images, ...all].some(({ ImageId }) => ImageId === id);
      },
    };
  }
  async function anImage(permission: object): Promise<string> {
    const { instanceId } = await anInstance(owner, { data: [] });
    const { ImageId = '' } = await owner
      .ec2()
      .send(new CreateImageCommand({ InstanceId: instanceId, Name: instanceId, NoReboot: true }));
    await owner.ec2().send(
      new ModifyImageAttributeCommand({
        ImageId,
        Attribute: 'launchPermission',
        OperationType: 'add',
        ...permission,
      }),
    );
    return ImageId;
  }

  it('are seen by its members', async () => {
    const inside = await member();
    const outside = await aws.account();
    const { Organization } = await organizations.send(new DescribeOrganizationCommand({}));
    const image = await anImage({ OrganizationArns: [Organization?.Arn ?? ''] });
    expect(await inside.sees(image)).toBe(true);
    const { Images = [] } = await outside.ec2().send(new DescribeImagesCommand({}));
    expect(Images.map(({ ImageId }) => ImageId)).not.toContain(image);
  });

  it('or by the members of a unit in it', async () => {
    const [inside, beside] = [await member(), await member()];
    const { Roots } = await organizations.send(new ListRootsCommand({}));
    const ParentId = Roots?.[0]?.Id ?? '';
    const { OrganizationalUnit } = await organizations.send(
      new CreateOrganizationalUnitCommand({ ParentId, Name: 'prod' }),
    );
    await organizations.send(
      new MoveAccountCommand({
        AccountId: inside.accountId,
        SourceParentId: ParentId,
        DestinationParentId: OrganizationalUnit?.Id,
      }),
    );
    const image = await anImage({ OrganizationalUnitArns: [OrganizationalUnit?.Arn ?? ''] });
    expect([await inside.sees(image), await beside.sees(image)]).toEqual([true, false]);
  });
});
