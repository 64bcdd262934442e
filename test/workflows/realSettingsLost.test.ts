import { playedWith } from '../support/realSettings';
import { VirtualTime } from '../support/virtualTime';

describe('with the settings of production, and with every first change failing and the next unanswered, no attempt outlives its timeouts', () => {
  playedWith(new VirtualTime(true));
});
