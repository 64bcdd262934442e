import { createServer, type Server } from 'node:net';
import { freePort } from '../../local/stack/ports';

let taken: Server;
let port: number;

beforeAll(async () => {
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  port = typeof address === 'object' && address ? address.port : 0;
});

afterAll(() => new Promise((resolve) => taken.close(resolve)));

test('a taken port is replaced by a free one, and the answer says so', async () => {
  const chosen = await freePort(port);
  expect(chosen.insteadOf).toBe(port);
  expect(chosen.port).not.toBe(port);
});

test('a free port is taken as it is, unless somebody else of the stack has it', async () => {
  const { port: free } = await freePort(port);
  expect(await freePort(free)).toEqual({ port: free });
  expect((await freePort(free, [free])).insteadOf).toBe(free);
});
