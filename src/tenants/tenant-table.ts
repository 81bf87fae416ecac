/** What a table reads of a tenant. */
export interface TenantHosts {
  /** Names of hosts in any case; `*.` in front stands for any name below. */
  readonly hosts?: readonly string[];
}

/** Tenants by id and by host. Ids are exact; hosts have no case. */
export class TenantTable<Tenant extends TenantHosts> {
  readonly #byId: ReadonlyMap<string, Tenant>;
  readonly #idByHost = new Map<string, string>();

  constructor(tenants: Readonly<Record<string, Tenant>>) {
    this.#byId = new Map(Object.entries(tenants));
    for (const [id, { hosts = [] }] of this.#byId) for (const host of hosts) this.#idByHost.set(host.toLowerCase(), id);
  }

  get(id: string): Tenant | undefined {
    return this.#byId.get(id);
  }

  /**
   * Whose host it is: the name itself comes before `*.` names, and the longest of those first; `null` = nobody's.
   *
   * @param host In lower case, without a port and without a dot at its end.
   */
  idOfHost(host: string): string | null {
    const id = this.#idByHost.get(host);
    if (id !== undefined) return id;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const above = this.#idByHost.get(`*${host.slice(dot)}`);
      if (above !== undefined) return above;
    }
    return null;
  }
}
