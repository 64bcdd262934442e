import { randomUUID } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { withFailures } from '../../src/aws/failures';
import { openStore, storeClient } from '../../src/store/openStore';
import { HOME_REGION } from '../support/accounts';
import { shared } from '../support/shared';

describe('S3Store', () => {
  const endpoint = shared('awsEndpoint');
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const s3 = storeClient({ region: HOME_REGION, endpoint, apiShare: 1 });
  const open = (name: string, prefix: string) => openStore({ kind: 's3', bucket: name, prefix }, s3);
  const bucket = `holdfast-${randomUUID()}`;

  beforeAll(() => s3.send(new CreateBucketCommand({ Bucket: bucket })));
  afterAll(() => s3.destroy());

  it('gives back what was put, under its prefix only', async () => {
    const store = open(bucket, 'manifests');
    await store.put('ab/cd.json', '{"é":1}');
    await store.put('ab/cd.json', '{"é":2}');
    expect(await store.get('ab/cd.json')).toBe('{"é":2}');
    expect(await open(bucket, '').get('ab/cd.json')).toBeUndefined();
    expect(await open(bucket, '').get('manifests/ab/cd.json')).toBe('{"é":2}');
  });

  it('says that the bucket does not exist, and does not retry for ever', async () => {
    const missing = open(`${bucket}-not`, '');
    const { put, get } = withFailures({ put: () => missing.put('a', 'b'), get: () => missing.get('a') });
    for (const call of [put, get]) {
      await expect(call()).rejects.toMatchObject({ type: 'NotFound', nonRetryable: true });
      await expect(call()).rejects.toThrow('NoSuchBucket');
    }
  });
});
