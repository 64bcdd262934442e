import type { Campaign, CampaignState, QueuedMove } from '../../../model/encryption/campaign/campaign';
import { fixedDurationMs } from '../../../model/duration';
import type { MigrateMachineInput } from '../../../model/moves/migration';
import type { Run } from '../../support/operation';
import { count } from './result';
import { howToAnswer, type CampaignOrders } from './orders';
import { itemOf, type MachineFleet, type MoveInput } from './fleet';
import { WindowWatch } from './windowWatch';

type Terms = Pick<Campaign, 'concurrency' | 'maxFailures' | 'waves' | 'window'>;

/** Commands that one workflow task may well carry. */
const STARTED_AT_ONCE = 20;

/** What a migration is told besides which machine it is. */
export type MigrationTerms = Omit<MigrateMachineInput, 'instanceId'>;

/**
 * Wave after wave, within a wave so many machines at a time, and within windows only. All that it knows is in the
 * campaign's state, so that it can be left between any two steps and taken up by another run.
 */
export class Waves {
  private readonly window: WindowWatch;

  constructor(
    private readonly campaign: CampaignState,
    private readonly terms: Terms,
    private readonly migration: MigrationTerms,
    private readonly people: { run: Run; orders: CampaignOrders; fleet: MachineFleet },
  ) {
    this.window = new WindowWatch(terms.window, campaign);
  }

  async migrate(): Promise<void> {
    const { campaign, people } = this;
    for (let wave = campaign.waves[0]; wave; wave = campaign.waves[0]) {
      if (campaign.gate) await this.passGate();
      await this.startAll(wave);
      await people.fleet.waitUntil(() => people.fleet.open === 0);
      campaign.waves.shift();
      campaign.gate = this.gateAfter();
      campaign.failedBefore = people.fleet.failures;
    }
  }

  private async startAll(queue: QueuedMove[]): Promise<void> {
    const { fleet, orders } = this.people;
    const isFree = () => fleet.open < this.terms.concurrency && !orders.paused;
    for (this.dropRefused(queue); queue.length > 0; this.dropRefused(queue)) {
      await fleet.checkpoint();
      const next = this.startable(queue);
      if (!isFree()) await fleet.waitUntil(() => isFree() || this.isRefused(queue));
      else if (next.length > 0) {
        for (const move of next) queue.splice(queue.indexOf(move), 1);
        await Promise.all(next.map((move) => fleet.start(this.inputOf(move))));
      } else await this.waitForWindow(queue);
    }
  }

  /** At the same time: machines that go step by step together share their reads. */
  private startable(queue: readonly QueuedMove[]): QueuedMove[] {
    const free = Math.max(0, this.terms.concurrency - this.people.fleet.open);
    return queue.filter(this.window.fits).slice(0, Math.min(free, STARTED_AT_ONCE));
  }

  private inputOf(move: QueuedMove): MoveInput {
    if (!('volumeId' in move)) {
      const stopBy = this.window.stopBy(move);
      return { ...this.migration, instanceId: move.instanceId, ...(stopBy && { stopBy }) };
    }
    const { target, kmsKeyArn, strategy, rekey, soakMs, campaignId } = this.migration;
    return { target, kmsKeyArn, strategy, rekey, soakMs, campaignId, volumeId: move.volumeId };
  }

  private async waitForWindow(queue: QueuedMove[]): Promise<void> {
    const { run, fleet } = this.people;
    const opening = await this.window.findOpening(queue);
    if (!opening || opening.at <= Date.now()) return;
    run.phase('Waiting for the window');
    run.waitsFor(`${opening.summary}; ${count(queue.length, 'machine')} of this wave to go.`);
    await fleet.waitUntil(() => this.isRefused(queue), opening);
    run.waitsFor();
    run.phase('Migrating');
  }

  private isRefused(queue: readonly QueuedMove[]): boolean {
    return queue.some((machine) => this.refusal(machine) !== undefined);
  }

  private dropRefused(queue: QueuedMove[]): void {
    for (const machine of [...queue]) {
      const why = this.refusal(machine);
      if (why === undefined) continue;
      queue.splice(queue.indexOf(machine), 1);
      this.people.fleet.skip(machine, why);
    }
  }

  private refusal(move: QueuedMove): string | undefined {
    const { failures } = this.people.fleet;
    const { maxFailures } = this.terms;
    if (failures >= maxFailures)
      return `not started: ${failures} machines had failed, and maxFailures is ${maxFailures}`;
    return this.people.orders.cancelled.has(itemOf(move)) ? 'not started: it was cancelled' : undefined;
  }

  /** Who raised `maxFailures` lets a wave go on after a failure; whether the next one begins, a person decides. */
  private gateAfter(): CampaignState['gate'] {
    const { campaign, terms, people } = this;
    const { failures } = people.fleet;
    if (campaign.waves.length === 0 || failures >= terms.maxFailures) return undefined;
    const pauseMs = terms.waves?.pauseBetween && fixedDurationMs(terms.waves.pauseBetween);
    const failed = failures - campaign.failedBefore;
    const approval =
      failed > 0
        ? `${failed} of the wave before failed`
        : terms.waves?.approveEach && 'each wave is approved';
    if (!pauseMs && !approval) return undefined;
    return { ...(pauseMs && { pausedUntil: Date.now() + pauseMs }), ...(approval && { approval }) };
  }

  private async passGate(): Promise<void> {
    const { campaign, people } = this;
    const { run, orders, fleet } = people;
    const { pausedUntil, approval } = campaign.gate ?? {};
    const wave = `Wave ${campaign.waveCount - campaign.waves.length + 1} of ${campaign.waveCount}`;
    const machines = count(campaign.waves[0]?.length ?? 0, 'machine');
    const rejected = () => orders.answer?.approved === false;
    if (approval) orders.ask();
    if (pausedUntil !== undefined) {
      run.phase('Between waves');
      run.waitsFor(`${wave}, ${machines}, waits until ${new Date(pausedUntil).toISOString()}.`);
      await fleet.waitUntil(rejected, { at: pausedUntil, summary: `Pause before ${wave.toLowerCase()}` });
    }
    if (approval) {
      run.phase('Waiting for approval');
      run.waitsFor(
        `${wave}, ${machines}, waits for \`approve\` or \`reject\`: ${approval}.\n\n${howToAnswer()}`,
      );
      await fleet.waitUntil(() => orders.answer !== undefined);
      this.actOnAnswer(wave);
    }
    campaign.gate = undefined;
    run.waitsFor();
    run.phase('Migrating');
  }

  private actOnAnswer(wave: string): void {
    const { run, orders, fleet } = this.people;
    const { approved, message } = orders.answer ?? {};
    orders.close();
    run.remark(`${wave} ${approved ? 'approved' : 'rejected'} by ${message?.by}: ${message?.reason}`);
    if (approved) return;
    for (const move of this.campaign.waves.flat())
      fleet.skip(
        move,
        `not started: ${wave.toLowerCase()} was rejected by ${message?.by}: ${message?.reason}`,
      );
    for (const queue of this.campaign.waves) queue.length = 0;
    this.campaign.waves.length = 0;
  }
}
