import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What the running Node has; plain .mjs files know no types, so `no-undef` needs the list. */
const nodeGlobals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']));

/** `const { connection, ...rest } = headers` leaves a field out; an argument that only a signature asks for starts with `_`. */
const unused = { ignoreRestSiblings: true, argsIgnorePattern: '^_' };

// Formatting is prettier's business; no rule here has an opinion on it.
export default defineConfig(
  globalIgnores(['dist/', 'coverage/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: nodeGlobals },
    rules: { 'no-unused-vars': ['error', unused] },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', unused],
      // A number in a message reads the same however it is converted; objects and undefined stay forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // An empty text (no host, no request id) is "nothing" here as much as undefined is, so `||` can be what is meant.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      // Its advice is `!`, which strict forbids. `as T` names what an index that is proven in range must hold.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // What a user's function returned is compared with `true`: a promise or an object must not pass for a yes.
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'off',
      // Header fields live in dictionaries without a prototype; `delete headers[name]` is how one leaves.
      '@typescript-eslint/no-dynamic-delete': 'off',
      // The hot path counts with an index on purpose.
      '@typescript-eslint/prefer-for-of': 'off',
      // `function ignore() {}` says by its name that nothing is to be done.
      '@typescript-eslint/no-empty-function': 'off',
      // `while (true)` says what it means.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `return write(answer);` leaves a function that returns nothing, in one line; `() => next()` is how a callback is written.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreVoidReturningFunctions: true, ignoreArrowShorthand: true },
      ],
      // A walk down a tree starts at this node.
      '@typescript-eslint/no-this-alias': ['error', { allowedNames: ['node'] }],
      // `['__proto__']` should look as odd as it is.
      '@typescript-eslint/dot-notation': ['error', { allowPattern: '^__proto__$' }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Test helpers hand out plain functions in objects, and tests take them out.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
