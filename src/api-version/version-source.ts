import type { Context } from '../core/context.js';
import { either, isPlainObject, object, string, type Schema } from '../core/options.js';
import {
  compileRequestValue,
  describeRequestValue,
  requestValueField,
  varyOf,
  type RequestValue,
} from '../core/request-value.js';
import { acceptRanges } from '../core/accept-ranges.js';

/**
 * What tells the version of a request: any {@link RequestValue}, or the `v2` in a media type of a vendor in `Accept`
 * (RFC 6838 3.2). With `{ vendor: 'acme' }` that is version 2 of `application/vnd.acme.v2+json`, of
 * `application/vnd.acme.users-v2+json` and of `application/vnd.acme.v2.raw`.
 */
export type VersionSource = RequestValue | { readonly vendor: string };

const vendor = object({
  vendor: string("a name of a vendor such as 'acme', without 'vnd.'", (text) =>
    /^(?!vnd\.)[\w-]+(?:\.[\w-]+)*$/i.test(text),
  ),
});

const vendorField: Schema = {
  ...vendor,
  accepts: (value) => isPlainObject(value) && Object.hasOwn(value, 'vendor'),
};

/** Schema of a {@link VersionSource}. */
export const versionSourceField: Schema = either(vendorField, requestValueField);

/** Compiles sources once: the first that names a version has the word; `null` where none does. */
export function compileVersionSources(sources: readonly VersionSource[]): (ctx: Context) => string | null {
  const readers = sources.map((source) => (isVendor(source) ? vendorReader(source) : compileRequestValue(source)));
  return function versionName(ctx) {
    for (const read of readers) {
      const name = read(ctx);
      if (name !== null) return name;
    }
    return null;
  };
}

/** Fields of the request that have a say in the version, see {@link varyOf}. */
export function varyOfVersion(sources: readonly VersionSource[]): string {
  return varyOf(sources.map((source) => (isVendor(source) ? { header: 'Accept' } : source)));
}

/** In words, for explanations. */
export function describeVersionSource(source: VersionSource): string {
  return isVendor(source) ? `accept vnd.${source.vendor}` : describeRequestValue(source);
}

function isVendor(source: VersionSource): source is { readonly vendor: string } {
  return typeof source === 'object' && 'vendor' in source;
}

function vendorReader(source: { readonly vendor: string }): (ctx: Context) => string | null {
  const tree = source.vendor.toLowerCase().replaceAll('.', '\\.');
  const pattern = new RegExp(`^[^/]*/vnd\\.${tree}[.-](?:[^+]*?[.-])?v(\\d+(?:[.-]\\d+)*)(?![^.+-])`);
  return function vendorVersion({ request }) {
    for (const { type } of acceptRanges(request.headers.accept)) {
      const version = pattern.exec(type)?.[1];
      if (version !== undefined) return version;
    }
    return null;
  };
}
