export { retry } from './middleware.js';
export type { RetryOptions } from './options.js';
export { RetryBudget, type RetryBudgetOptions, type RetryBudgetSnapshot } from './retry-budget.js';
