import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import type { EventBus } from '../../src/realtime/event-bus.js';

/** What every bus must do for the process it lives in. */
export function describeEventBus(name: string, createBus: (context: TestContext) => EventBus | Promise<EventBus>): void {
  describe(`${name} keeps the contract of an event bus:`, () => {
    let bus: EventBus;

    beforeEach(async (context) => {
      bus = await createBus(context);
      await bus.start();
      await quiet();
    });
    afterEach(() => bus?.close());

    it('is healthy once it has started', () => {
      expect(bus.isHealthy).toBe(true);
    });

    it('brings a nudge to every listener', async () => {
      const counts = [0, 0];
      bus.onNudge(() => (counts[0] = (counts[0] ?? 0) + 1));
      bus.onNudge(() => (counts[1] = (counts[1] ?? 0) + 1));

      bus.nudge();
      await quiet();

      expect(counts).toEqual([1, 1]);
    });

    it('makes one nudge of many in the same turn, and another of one in the next', async () => {
      let count = 0;
      bus.onNudge(() => {
        count += 1;
      });

      for (let turn = 0; turn < 2; turn += 1) {
        for (let nudge = 0; nudge < 100; nudge += 1) bus.nudge();
        await Promise.resolve();
        bus.nudge();
        await quiet();
      }

      expect(count).toBe(2);
    });

    it('delivers a nudge that was given while another was delivered', async () => {
      let count = 0;
      bus.onNudge(() => {
        count += 1;
        if (count < 5) bus.nudge();
      });

      bus.nudge();
      await quiet();

      expect(count).toBe(5);
    });

    it('leaves alone who has unsubscribed', async () => {
      let count = 0;
      const listener = () => {
        count += 1;
      };
      const unsubscribe = bus.onNudge(listener);
      bus.onNudge(listener);

      unsubscribe();
      unsubscribe();
      bus.nudge();
      await quiet();

      expect(count).toBe(1);
    });

    it('reaches the other listeners when one throws', async () => {
      let count = 0;
      bus.onNudge(() => {
        throw new Error('A listener with a bug');
      });
      bus.onNudge(() => {
        count += 1;
      });

      bus.nudge();
      await quiet();

      expect(count).toBe(1);
    });

    it('delivers nothing once it is closed, and takes a nudge or a second close without complaint', async () => {
      let count = 0;
      bus.onNudge(() => {
        count += 1;
      });

      bus.nudge();
      await bus.close();
      bus.nudge();
      await bus.close();
      await quiet();

      expect(count).toBe(0);
    });
  });
}

/** Enough turns of the event loop for local nudges, and nudges that they cause, to be delivered. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
