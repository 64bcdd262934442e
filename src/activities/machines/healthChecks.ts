import { Context } from '@temporalio/activity';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { whyNotAllowed } from '../../model/machines/checkHosts';
import { checkName, type HealthCheck, type Places } from '../../model/machines/healthChecks';
import { targetKey, type Target } from '../../model/target';
import { Commands } from './commands';
import type { ActivityDeps } from '../support/deps';
import { GuestCheck } from './guestCheck';
import { requireInstance } from './facts';
import { probeTcp, probeHttp, type ProbeAnswer } from './probes';
import { now, sleep } from '../support/pace/waits';
import { isWindows } from './agents';
import { beatDuring } from '../support/pace/beating';

interface CheckRequest {
  target: Target;
  instanceId: string;
  migrationId: string;
  check: HealthCheck;
  /** Its place among the checks, from 1. */
  number: number;
  timeoutMs: number;
  /** That time, in words. */
  within: string;
}

const NO_ANSWER = 'it gave no answer';

type Try = (leftMs: number, signal: AbortSignal) => Promise<ProbeAnswer>;

/** What another attempt of the activity goes on with. */
interface Beat {
  until: number;
  said: string;
}

/** The users' own checks of a started machine. */
export function healthCheckActivities({ aws, settings }: ActivityDeps) {
  async function tryOf(request: CheckRequest): Promise<Try> {
    const { target, instanceId, migrationId, check, number } = request;
    const instance = await requireInstance(aws.ec2(target, 'read'), target, instanceId);
    const { PrivateIpAddress = '', PrivateDnsName = '' } = instance;
    const places: Places = { privateIp: PrivateIpAddress, privateDns: PrivateDnsName, instanceId };
    const { tcp, http, command = [] } = check;
    // The plan has said so before; by now the machine may have another address.
    const forbidden = whyNotAllowed(check, places, settings.checkHosts);
    if (forbidden) throw finalFailure(FAILURE.healthCheckFailed, forbidden);
    if (tcp) return (leftMs, signal) => probeTcp(tcp, places, leftMs, signal);
    if (http) return (leftMs, signal) => probeHttp(http, places, leftMs, signal);
    const since = Context.current().info.scheduledTimestampMs;
    const commands = new Commands(aws.ssm(target, 'migrate'), settings, since);
    const guest = { instanceId, migrationId, number, lines: command, windows: isWindows(instance) };
    const inGuest = new GuestCheck(commands, guest);
    return (leftMs, signal) => inGuest.ask(leftMs, signal);
  }

  return {
    /**
     * Tries a check until it succeeds.
     *
     * @returns its answer
     * @throws ApplicationFailure HealthCheckFailed with its name and its last answer
     */
    async awaitHealthCheck(request: CheckRequest): Promise<string> {
      const { target, instanceId, check, timeoutMs, within } = request;
      const { info, cancellationSignal: signal } = Context.current();
      const earlier = info.heartbeatDetails as Beat | undefined;
      const beat: Beat = { until: now() + timeoutMs, said: NO_ANSWER, ...earlier };
      return beatDuring(beat, settings.pollMs, async () => {
        const tries = await tryOf(request);
        for (;;) {
          const { ok, said } = await tries(Math.max(1, beat.until - now()), signal);
          if (ok) return said;
          // A try that the end cut off says less than the one before it.
          if (beat.said === NO_ANSWER || now() < beat.until) beat.said = said;
          if (now() + settings.pollMs >= beat.until) break;
          await sleep(settings.pollMs);
        }
        throw finalFailure(
          FAILURE.healthCheckFailed,
          `${instanceId} in ${targetKey(target)}: health check "${checkName(check)}" did not succeed within ${within}; its last answer: ${beat.said}`,
        );
      });
    },
  };
}
