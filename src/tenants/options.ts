import { allowedHostsField } from '../core/address-policy.js';
import {
  boolean,
  either,
  func,
  isPlainObject,
  list,
  member,
  nearestName,
  object,
  record,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { describeRequestValue, requestValueField, type RequestValue } from '../core/request-value.js';
import type { Handler } from '../core/types.js';

/** One tenant. */
export interface Tenant<To = Handler> {
  /** What answers for it: its own limits may be in front, and its own upstream at the end. */
  to: To;
  /**
   * Its hosts, where `by` has `'host'`: `'acme.example.com'`, or `'*.acme.example.com'` for every name below. A host in
   * full comes before those, and the longest of those first. Case and ports say nothing. @default none
   */
  hosts?: readonly string[];
}

export interface TenantsOptions<To = Handler> {
  /**
   * What names the tenant, by its id; `'host'` by one of its `hosts`. Of several the first that names any has the word,
   * be it an unknown one.
   *
   * `'tenant'` and `{ claim }` are proven by authentication. Everything else is the client's word: a header says what a
   * client likes it to say, so let it choose nothing that only some may see, unless `mustMatchIdentity` holds it against
   * what is proven.
   *
   * What is a field of the request is in `Vary` of every answer, so that caches keep tenants apart; fields that a
   * function reads are for that function to tell, by `ctx.setAnswerHeader`.
   */
  by: RequestValue | readonly RequestValue[];
  /** The tenants by id, which is compared as it is. */
  tenants: Readonly<Record<string, Tenant<To>>>;
  /** Id of the tenant for requests that name none; not for those that name an unknown one. @default they are refused */
  default?: string;
  /**
   * True where a caller whose identity has a tenant gets 403 for every other one, known or not. It says nothing of
   * callers without an identity, or whose identity has no tenant: keep them out with authentication. @default true
   */
  mustMatchIdentity?: boolean;
}

/** @param to Schema of a destination. */
function tenantFieldsOf(to: Schema) {
  const tenant = { to, hosts: allowedHostsField } satisfies Record<keyof Tenant, Schema>;
  return {
    by: either(requestValueField, { ...list(requestValueField), expected: 'a list of them' }),
    tenants: record(object(tenant, { required: ['to'] })),
    default: string(),
    mustMatchIdentity: boolean,
  } satisfies Record<keyof TenantsOptions, Schema>;
}

type Inspect = (options: TenantsOptions<unknown>, at: string, faults: Fault[]) => void;

/** Makes the function that adds everything that is wrong with the options. @param to Schema of a destination. */
export function inspectTenantsOf(to: Schema): Inspect {
  const fields = object(tenantFieldsOf(to), { required: ['by', 'tenants'] });
  return function inspectTenantsOptions(options, at, faults) {
    fields.inspect?.(options as never, at, faults);
    if (!isPlainObject(options.tenants)) return;
    inspectIds(options, at, faults);
    inspectHosts(options, at, faults);
  };
}

function inspectIds({ tenants, default: usual }: TenantsOptions<unknown>, at: string, faults: Fault[]): void {
  const path = member(at, 'tenants');
  const ids = Object.keys(tenants);
  if (ids.length === 0) faults.push({ path, message: 'has no tenant' });
  if (ids.includes('')) faults.push({ path: member(path, ''), message: 'an id is not empty' });
  if (typeof usual !== 'string' || usual === '' || Object.hasOwn(tenants, usual)) return;
  const nearest = nearestName(usual, ids);
  faults.push({
    path: member(at, 'default'),
    message: `is no tenant here${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  });
}

function inspectHosts({ by, tenants, default: usual }: TenantsOptions<unknown>, at: string, faults: Fault[]): void {
  const sources: readonly unknown[] = [by].flat();
  const readsHost = sources.includes('host');
  const pathByHost = new Map<string, string>();
  for (const [id, tenant] of Object.entries(tenants)) {
    const of = member(member(at, 'tenants'), id);
    const hosts: unknown = (tenant as Partial<Tenant<unknown>> | null)?.hosts;
    const path = member(of, 'hosts');
    if (Array.isArray(hosts)) inspectUnique(hosts, path, pathByHost, faults);
    if (hosts !== undefined && !readsHost) faults.push({ path, message: "is not looked at; put 'host' into by" });
    if (hosts === undefined && readsHost && sources.length === 1 && id !== usual)
      faults.push({ path, message: 'missing: by host alone, no request is for this tenant' });
  }
  if (readsHost && pathByHost.size === 0 && sources.length > 1)
    faults.push({ path: member(at, 'by'), message: "has 'host', and no tenant has hosts" });
}

function inspectUnique(hosts: readonly unknown[], at: string, pathByHost: Map<string, string>, faults: Fault[]): void {
  hosts.forEach((host, index) => {
    const key = String(host).toLowerCase();
    const path = `${at}[${index}]`;
    const first = pathByHost.get(key);
    if (first === undefined) pathByHost.set(key, path);
    else faults.push({ path, message: `is ${first} already; leave one out` });
  });
}

/** Schema of the options with a handler for each tenant. */
export const tenantsSchema: Schema = {
  expected: 'an object with by, tenants, default, mustMatchIdentity',
  accepts: isPlainObject,
  inspect: inspectTenantsOf(func),
};

/** In a few words, such as `3 by host or claim org, else acme`. */
export function describeTenants({ by, tenants, default: usual }: TenantsOptions<unknown>): string {
  const sources = [by].flat().map(describeRequestValue).join(' or ');
  return `${Object.keys(tenants).length} by ${sources}${usual === undefined ? '' : `, else ${usual}`}`;
}
