import { PATH_RULES } from '../proxy/options.js';

/** Options over those that hold where they say nothing. Of the rules for the path one alone decides. */
export function inherit<From extends object, Own extends object>(from: From, own: Own): From & Own {
  const decided: readonly string[] = PATH_RULES.some((rule) => own[rule as keyof Own] !== undefined) ? PATH_RULES : [];
  const kept = Object.entries(from).filter(([name]) => !decided.includes(name));
  return { ...Object.fromEntries(kept), ...own } as From & Own;
}
