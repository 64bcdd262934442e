import type { Notification } from '../../model/notification';
import type { Heartbeat } from '../../telemetry/heartbeats';
import type { ActivityDeps } from './deps';

/** What goes out to people and alarms. */
export function noticeActivities({ calendar, heartbeats, notifier }: ActivityDeps) {
  return {
    async notify({ notification }: { notification: Notification }): Promise<void> {
      await notifier.send(notification);
    },

    async recordHeartbeat(heartbeat: Omit<Heartbeat, 'at'>): Promise<void> {
      await heartbeats.beat({ ...heartbeat, at: calendar.now() });
    },
  };
}
