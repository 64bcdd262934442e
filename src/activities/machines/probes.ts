import net from 'node:net';
import { filled, urlOf, type HealthCheck, type Places } from '../../model/machines/healthChecks';

/** One try of a check. */
export interface ProbeAnswer {
  ok: boolean;
  said: string;
}

/** What takes longer than this is asked again. */
const LONGEST_TRY_MS = 10_000;

function untilTooLong(leftMs: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(Math.min(leftMs, LONGEST_TRY_MS))]);
}

/** Whether a connection from here is taken. */
export async function probeTcp(
  { host, port }: NonNullable<HealthCheck['tcp']>,
  places: Places,
  leftMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const address = filled(host, places);
  const until = untilTooLong(leftMs, signal);
  const error = await new Promise<unknown>((resolve) => {
    const socket = net.connect({ host: address, port, signal: until });
    socket.once('error', resolve);
    socket.once('connect', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
    socket.once('connect', () => socket.destroy());
  });
  signal.throwIfAborted();
  if (error === undefined) return { ok: true, said: `${address}:${port} takes connections` };
  return { ok: false, said: `${address}:${port}: ${reason(error)}` };
}

/** Whether a request from here is answered with the status. */
export async function probeHttp(
  http: NonNullable<HealthCheck['http']>,
  places: Places,
  leftMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const url = urlOf(http, places);
  const until = untilTooLong(leftMs, signal);
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: until });
    await answer.body?.cancel();
    const ok = answer.status === http.status;
    return { ok, said: `${url} answered ${answer.status}${ok ? '' : ` instead of ${http.status}`}` };
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, said: `${url}: ${reason(error)}` };
  }
}

/** `fetch` hides what happened in its cause. */
function reason(error: unknown): string {
  const { name, cause } = error as Error;
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  const { code, message } = (cause ?? error) as { code?: unknown; message?: string };
  return typeof code === 'string' ? code : (message ?? String(error));
}
