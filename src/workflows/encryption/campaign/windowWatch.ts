import type { CampaignState, QueuedMove } from '../../../model/encryption/campaign/campaign';
import type { MaintenanceWindow } from '../../../model/encryption/campaign/window';
import { read } from '../../support/options';

/** Whose turn it is while a maintenance window is open. The calendar is asked in an activity; here is only the clock. */
export class WindowWatch {
  constructor(
    private readonly window: MaintenanceWindow | undefined,
    private readonly campaign: CampaignState,
  ) {}

  /** Whether the machine, started now, would be up again before the window closes. */
  fits = (move: QueuedMove): boolean => {
    const { needMs = 0, urgent } = move;
    // For a volume by itself nothing is down.
    if (!this.window || urgent || 'volumeId' in move) return true;
    const { opening } = this.campaign;
    const now = Date.now();
    return opening !== undefined && opening.opensAt <= now && now + needMs <= opening.closesAt;
  };

  /** The last moment at which the machine may be stopped. */
  stopBy({ fromStopMs = 0, urgent }: QueuedMove): number | undefined {
    const { opening } = this.campaign;
    return this.window && opening && !urgent ? opening.closesAt - fromStopMs : undefined;
  }

  /** Finds the next opening for the quickest of the machines; it may be open by then. */
  async findOpening(queue: readonly QueuedMove[]): Promise<{ at: number; summary: string } | undefined> {
    if (!this.window) return undefined;
    const needMs = Math.min(...queue.map((machine) => machine.needMs ?? 0));
    const asked = { window: this.window, from: Date.now(), needMs };
    const opening = await read('Find the next opening of the window').nextOpening(asked);
    this.campaign.opening = opening;
    return { at: opening.opensAt, summary: `The window opens ${opening.text}` };
  }
}
