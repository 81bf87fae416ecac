import { KNOWN_METHODS } from '../core/http-methods.js';

/** Methods that are told apart; all others are one. */
export const HTTP_METHODS: readonly string[] = [...KNOWN_METHODS, '_OTHER'];

const OTHER = HTTP_METHODS.length - 1;

/** The place of a method in {@link HTTP_METHODS}. */
export function methodIndex(method: string): number {
  const index = HTTP_METHODS.indexOf(method);
  return index === -1 ? OTHER : index;
}
