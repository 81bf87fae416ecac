import { afterEach, describe, expect, it } from 'vitest';
import { finishLateWork, workLater } from '../../src/core/late-work.js';
import { fakeContext } from '../support/request.js';

const done: string[] = [];
const note = (what: string) => () => void done.push(what);

afterEach(() => {
  finishLateWork();
  done.length = 0;
});

describe('workLater', () => {
  it('waits until somebody reads what comes of it, and keeps the order', () => {
    workLater(note('1'));
    workLater(note('2'));
    expect(done).toEqual([]);
    finishLateWork();
    expect(done).toEqual(['1', '2']);
    finishLateWork();
    expect(done).toHaveLength(2);
  });

  it('is done without being asked, in milliseconds', async () => {
    workLater(note('1'));
    await expect.poll(() => done).toEqual(['1']);
  });

  it('lets no more gather than 128', () => {
    for (let i = 0; i < 128; i++) workLater(note(`${i}`));
    expect(done).toHaveLength(128);
  });

  it('goes on behind work that fails, and has what it asks for done next time', () => {
    workLater(() => {
      workLater(note('later'));
      throw new Error('planned');
    });
    workLater(note('next'));
    finishLateWork();
    expect(done).toEqual(['next']);
    finishLateWork();
    expect(done).toEqual(['next', 'later']);
  });
});

describe('afterFinish', () => {
  it('tells of an exchange a little after it is over, behind all of onFinish', () => {
    const ctx = fakeContext();
    ctx.afterFinish(note('after'));
    ctx.onFinish(note('on'));
    ctx.finish({ status: 200, aborted: false });
    ctx.finish({ status: 500, aborted: false });
    expect(done).toEqual(['on']);
    finishLateWork();
    expect(done).toEqual(['on', 'after']);
  });

  it('tells at once of one that was cut short', () => {
    const ctx = fakeContext();
    ctx.afterFinish((_ctx, { status }) => void done.push(`${status}`));
    ctx.finish({ status: 499, aborted: true });
    expect(done).toEqual(['499']);
  });

  it('tells at once of one that is over already', () => {
    const ctx = fakeContext();
    ctx.finish({ status: 200, aborted: false });
    ctx.afterFinish(note('after'));
    expect(done).toEqual(['after']);
  });

  it('goes on behind a listener that fails', () => {
    const ctx = fakeContext();
    ctx.afterFinish(() => {
      throw new Error('planned');
    });
    ctx.afterFinish(note('second'));
    ctx.finish({ status: 200, aborted: false });
    finishLateWork();
    expect(done).toEqual(['second']);
  });
});
