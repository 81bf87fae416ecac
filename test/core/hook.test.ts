import { afterEach, expect, it, vi } from 'vitest';
import { compileHook } from '../../src/core/hook.js';

const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);

afterEach(() => {
  emitWarning.mockClear();
});

it('tells of the first failure of a hook, thrown or rejected, and of no further one', async () => {
  const run = compileHook('A hook');
  run(() => {
    throw new Error('no disk');
  });
  run(() => Promise.reject(new Error('no net')));
  await Promise.resolve();
  expect(emitWarning).toHaveBeenCalledOnce();
  expect(emitWarning).toHaveBeenCalledWith(
    'A hook failed, and requests go on without it: no disk',
    expect.objectContaining({ code: 'ERR_GATEWAY_HOOK' }),
  );
});

it('takes what is no error, too', async () => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
  compileHook('A hook')(() => Promise.reject('why not'));
  await Promise.resolve();
  expect(emitWarning.mock.calls[0]?.[0]).toContain('why not');
});

it('says nothing of a hook that works', () => {
  compileHook('A hook')(() => 1);
  expect(emitWarning).not.toHaveBeenCalled();
});
