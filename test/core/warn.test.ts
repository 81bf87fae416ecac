import { expect, it, vi } from 'vitest';
import { warn } from '../../src/core/warn.js';

it('is a warning of the process with a code', () => {
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  warn('ERR_GATEWAY_TOLD', 'something to change');
  expect(emitWarning).toHaveBeenCalledExactlyOnceWith('something to change', {
    code: 'ERR_GATEWAY_TOLD',
    type: 'GatewayWarning',
  });
  emitWarning.mockRestore();
});
