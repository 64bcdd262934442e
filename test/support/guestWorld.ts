import { AwsServer } from './awsServer';
import { Guests } from './guests';
import { MigrationWorld } from './migration';
import type { WorldOptions } from './world';

/** A local AWS of a suite's own, whose machines boot and run commands within milliseconds, and what is inside of them. */
export class GuestWorld {
  private constructor(
    readonly aws: AwsServer,
    readonly migrations: MigrationWorld,
    readonly guests: Guests,
  ) {}

  static async open(options: WorldOptions = {}): Promise<GuestWorld> {
    const aws = await AwsServer.start('--speed', '2000');
    const migrations = await MigrationWorld.open({ aws: aws.endpoint, ...options });
    return new GuestWorld(aws, migrations, new Guests(aws.endpoint, migrations.world.home));
  }

  /** Forgets calls and faults. */
  async reset(): Promise<void> {
    this.migrations.reset();
    await this.aws.control.delete('faults');
  }

  async close(): Promise<void> {
    await this.migrations.close();
    this.aws.stop();
  }
}
