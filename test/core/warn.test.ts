import { expect, it, vi } from 'vitest';
import { warn, warnOnce } from '../../src/core/warn.js';

it('is a warning of the process with a code', () => {
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  warn('ERR_GATEWAY_TOLD', 'something to change');
  expect(emitWarning).toHaveBeenCalledExactlyOnceWith('something to change', {
    code: 'ERR_GATEWAY_TOLD',
    type: 'GatewayWarning',
  });
  emitWarning.mockRestore();
});

it('can be told once in the life of a process', () => {
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  for (const code of ['ERR_GATEWAY_ONE', 'ERR_GATEWAY_OTHER', 'ERR_GATEWAY_ONE']) warnOnce(code, 'something');
  expect(emitWarning.mock.calls.map(([, options]) => (options as { code: string }).code)).toEqual([
    'ERR_GATEWAY_ONE',
    'ERR_GATEWAY_OTHER',
  ]);
  emitWarning.mockRestore();
});
