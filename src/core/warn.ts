import { redactText } from './redact.js';

/**
 * Tells the operator of something that works and yet should not stay so, as a warning of the process
 * (`process.on('warning')`).
 */
export function warn(code: string, message: string): void {
  process.emitWarning(redactText(message), { code, type: 'GatewayWarning' });
}

const told = new Set<string>();

/** The same, once per process: for what every route would find. */
export function warnOnce(code: string, message: string): void {
  if (told.has(code)) return;
  told.add(code);
  warn(code, message);
}
