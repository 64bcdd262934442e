import type { _InstanceType, VolumeType } from '@aws-sdk/client-ec2';

/** A volume as the seed makes it. Sizes in GiB, throughput in MiB/s. */
export interface SeedVolume {
  type: VolumeType;
  size: number;
  iops?: number;
  throughput?: number;
}

export interface SeedDisk extends SeedVolume {
  device: string;
  /** Root volumes go with their instance, data volumes stay, unless this says otherwise. */
  deleteOnTermination?: boolean;
}

export interface SeedInstance {
  name: string;
  type: _InstanceType;
  tags: Record<string, string>;
  disks: SeedDisk[];
  stopped?: boolean;
}

export interface SeedAccount {
  instances: SeedInstance[];
  volumes: (SeedVolume & { name: string; tags: Record<string, string> })[];
}

export const ROOT_DEVICE = '/dev/xvda';

/** The machine that the story encrypts and shares: four volumes of three types, one of them the root. */
export const STORY_INSTANCE = 'orders-db-1';

const root = (type: VolumeType, size: number): SeedDisk => ({ device: ROOT_DEVICE, type, size });

const owned = (owner: string, costCenter: string) => ({ owner, 'cost-center': costCenter });

const PRODUCTION_DATABASE = {
  environment: 'production',
  role: 'database',
  ...owned('data-platform', 'cc-1042'),
};
const PRODUCTION_WEB = { environment: 'production', role: 'web', ...owned('storefront', 'cc-1007') };
const DEVELOPMENT = { environment: 'development', ...owned('developer-experience', 'cc-2001') };

/** Home account. The tags are those that the shipped policies (policies/*.yaml) select. */
const HOME: SeedAccount = {
  instances: [
    {
      name: STORY_INSTANCE,
      type: 'r5.large',
      tags: { ...PRODUCTION_DATABASE, tier: 'critical', application: 'orders' },
      disks: [
        root('gp3', 20),
        { device: '/dev/sdf', type: 'io2', size: 100, iops: 4000 },
        { device: '/dev/sdg', type: 'gp3', size: 50, iops: 4500, throughput: 300 },
        { device: '/dev/sdh', type: 'st1', size: 125 },
      ],
    },
    {
      name: 'orders-db-2',
      type: 'r5.large',
      tags: { ...PRODUCTION_DATABASE, tier: 'hourly', application: 'orders' },
      disks: [
        root('gp2', 20),
        { device: '/dev/sdf', type: 'io2', size: 100, iops: 3000 },
        { device: '/dev/sdg', type: 'gp3', size: 50 },
      ],
    },
    {
      name: 'customers-db',
      type: 'r5.xlarge',
      tags: { ...PRODUCTION_DATABASE, tier: 'critical', application: 'customers' },
      disks: [
        root('gp3', 20),
        { device: '/dev/sdf', type: 'gp3', size: 80, iops: 6000, throughput: 500 },
        { device: '/dev/sdg', type: 'st1', size: 125, deleteOnTermination: true },
      ],
    },
    {
      name: 'payments-api',
      type: 'm5.large',
      tags: { environment: 'production', role: 'api', tier: 'critical', ...owned('payments', 'cc-1010') },
      disks: [root('gp2', 16), { device: '/dev/sdf', type: 'gp3', size: 40, iops: 3500, throughput: 200 }],
    },
    ...['web-1', 'web-2'].map((name) => ({
      name,
      type: 't3.large' as const,
      tags: PRODUCTION_WEB,
      disks: [root('gp3', 16), { device: '/dev/sdf', type: 'gp2' as const, size: 30 }],
    })),
    {
      name: 'ci-runner',
      type: 'c5.xlarge',
      tags: { ...DEVELOPMENT, role: 'ci' },
      disks: [root('gp3', 30), { device: '/dev/sdf', type: 'gp2', size: 100, deleteOnTermination: true }],
    },
    {
      name: 'batch-reports',
      type: 'm5.large',
      tags: { ...DEVELOPMENT, role: 'batch' },
      disks: [root('gp2', 10), { device: '/dev/sdf', type: 'st1', size: 125 }],
    },
    {
      name: 'dev-sandbox',
      type: 't3.medium',
      tags: { ...DEVELOPMENT, role: 'sandbox' },
      disks: [root('gp2', 8), { device: '/dev/sdf', type: 'gp3', size: 20 }],
      stopped: true,
    },
  ],
  volumes: [
    {
      name: 'legacy-exports',
      type: 'gp2',
      size: 60,
      tags: { ...DEVELOPMENT, role: 'exports', tier: 'archive' },
    },
  ],
};

/** The second own account, which the worker enters by a role. */
const SECOND: SeedAccount = {
  instances: [
    {
      name: 'analytics-db',
      type: 'r5.large',
      tags: { ...PRODUCTION_DATABASE, application: 'analytics' },
      disks: [root('gp3', 20), { device: '/dev/sdf', type: 'io2', size: 60, iops: 2000 }],
    },
    {
      name: 'analytics-notebook',
      type: 't3.large',
      tags: { ...DEVELOPMENT, role: 'notebook' },
      disks: [root('gp2', 12)],
    },
  ],
  volumes: [],
};

export const FLEET = { home: HOME, second: SECOND };
