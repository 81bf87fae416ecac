import { describe, expect, it } from 'vitest';
import { TaskGate } from '../../../src/auth/basic/task-gate.js';

function tasks(gate: TaskGate, count: number) {
  const started: number[] = [];
  const running = Array.from({ length: count }, (_, index) => {
    let resolve = (_: number): void => undefined;
    let reject = (_: Error): void => undefined;
    const promise = new Promise<number>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    const result = gate.run(() => {
      started.push(index);
      return promise;
    });
    return { result, resolve: () => resolve(index), reject };
  });
  return { started, running };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('TaskGate', () => {
  it('runs some at a time and lets the others wait in their order', async () => {
    const { started, running } = tasks(new TaskGate(2, 10), 4);
    await settled();
    expect(started).toEqual([0, 1]);
    running[1]?.resolve();
    await settled();
    expect(started).toEqual([0, 1, 2]);
    running[0]?.resolve();
    running[2]?.resolve();
    running[3]?.resolve();
    expect(await Promise.all(running.map(({ result }) => result))).toEqual([0, 1, 2, 3]);
  });

  it('runs none that comes when the queue is full', async () => {
    const { started, running } = tasks(new TaskGate(1, 1), 3);
    expect(await running[2]?.result).toBeNull();
    running[0]?.resolve();
    running[1]?.resolve();
    await settled();
    expect(started).toEqual([0, 1]);
  });

  it('lets the next one in after a failure, and has all its places again', async () => {
    const gate = new TaskGate(1, 1);
    const { running } = tasks(gate, 2);
    running[0]?.reject(new Error('broken'));
    await expect(running[0]?.result).rejects.toThrow('broken');
    running[1]?.resolve();
    expect(await running[1]?.result).toBe(1);
    const later = tasks(gate, 3);
    await settled();
    expect(later.started).toEqual([0]);
    expect(await later.running[2]?.result).toBeNull();
  });

  it('lets nobody slip in before those who wait', async () => {
    const gate = new TaskGate(1, 1);
    const { started, running } = tasks(gate, 2);
    running[0]?.resolve();
    const late = running[0]?.result.then(() => gate.run(() => Promise.resolve('late')));
    await settled();
    expect(started).toEqual([0, 1]);
    running[1]?.resolve();
    expect(await late).toBe('late');
  });
});
