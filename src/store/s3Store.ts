import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectStore } from './objectStore';

/**
 * Documents as objects of a bucket. Versioning and encryption under a KMS key are the bucket's own settings
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html), so that they hold for every writer.
 * Needs s3:PutObject and s3:GetObject, and s3:ListBucket to tell "no such document" from "denied".
 */
export class S3Store implements ObjectStore {
  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
    private readonly prefix: string,
  ) {}

  async put(key: string, body: string): Promise<void> {
    await this.s3.send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: this.key(key),
        Body: body,
        ContentType: 'application/json',
      }),
    );
  }

  async get(key: string): Promise<string | undefined> {
    try {
      const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: this.key(key) }));
      return await Body?.transformToString();
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  private key(key: string): string {
    return this.prefix ? `${this.prefix}/${key}` : key;
  }
}
