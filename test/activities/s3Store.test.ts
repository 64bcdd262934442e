import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { S3Store } from '../../src/store/s3Store';
import { shared } from '../support/shared';

describe('S3Store', () => {
  const s3 = new S3Client({
    region: 'us-east-1',
    endpoint: shared('awsEndpoint'),
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const bucket = `holdfast-${randomUUID()}`;

  beforeAll(() => s3.send(new CreateBucketCommand({ Bucket: bucket })));
  afterAll(() => s3.destroy());

  it('gives back what was put, under its prefix only', async () => {
    const store = new S3Store(s3, bucket, 'manifests');
    await store.put('ab/cd.json', '{"é":1}');
    await store.put('ab/cd.json', '{"é":2}');
    expect(await store.get('ab/cd.json')).toBe('{"é":2}');
    expect(await new S3Store(s3, bucket, '').get('ab/cd.json')).toBeUndefined();
    expect(await new S3Store(s3, bucket, '').get('manifests/ab/cd.json')).toBe('{"é":2}');
  });

  it('says when the bucket does not exist', async () => {
    const store = new S3Store(s3, `${bucket}-not`, '');
    await expect(store.put('a', 'b')).rejects.toThrow('bucket');
    await expect(store.get('a')).rejects.toThrow('bucket');
  });
});
