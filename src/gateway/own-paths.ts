import { healthPaths } from '../health/options.js';
import type { GatewayConfig } from './config.js';

/** A path that the gateway answers itself to `GET` and `HEAD`, and what answers there. */
export type OwnPath = readonly [path: string, owner: 'health' | 'metrics'];

export function ownPaths({ health = true, metrics = false }: GatewayConfig): OwnPath[] {
  const shown = health === false ? [] : healthPaths(health === true ? {} : health);
  const { path = '/metrics' } = metrics === true ? {} : metrics === false ? { path: false as const } : metrics;
  return [...shown.map((one): OwnPath => [one, 'health']), ...(path === false ? [] : [[path, 'metrics'] as const])];
}
