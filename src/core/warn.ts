/**
 * Tells the operator of something that works and yet should not stay so, as a warning of the process
 * (`process.on('warning')`).
 */
export function warn(code: string, message: string): void {
  process.emitWarning(message, { code, type: 'GatewayWarning' });
}
