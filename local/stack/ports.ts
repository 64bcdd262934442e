import { createServer } from 'node:net';

/** Where programs may listen already: a wildcard address does not always exclude the loopback one, so both are tried. */
const HOSTS = ['127.0.0.1', '0.0.0.0'];

export interface Port {
  port: number;
  /** The usual port, where it was taken and another had to be found. */
  insteadOf?: number;
}

/** The usual port when nobody listens there, else one that the system gives; never one of `except`. */
export async function freePort(usual: number, except: readonly number[] = []): Promise<Port> {
  if (!except.includes(usual) && (await isFree(usual))) return { port: usual };
  for (;;) {
    const port = await anyPort();
    if (!except.includes(port)) return { port, insteadOf: usual };
  }
}

async function isFree(port: number): Promise<boolean> {
  for (const host of HOSTS) {
    if ((await listen(port, host)) === undefined) return false;
  }
  return true;
}

async function anyPort(): Promise<number> {
  const port = await listen(0, '127.0.0.1');
  if (port === undefined) throw new Error('the system gives no free port');
  return port;
}

/** Listens for a moment; the port, or undefined when it is not to be had. */
function listen(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      const given = typeof address === 'object' && address ? address.port : undefined;
      server.close(() => resolve(given));
    });
  });
}
