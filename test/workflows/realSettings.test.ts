import { playedWith } from '../support/realSettings';
import { VirtualTime } from '../support/virtualTime';

describe('with the settings of production, no attempt outlives its timeouts', () => {
  playedWith(new VirtualTime());
});
