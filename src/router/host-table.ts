import type { CompiledRoute } from './compiled-route.js';
import { PathNode } from './path-tree.js';

/** The trees by host: exact names, then suffixes from the longest, then the tree for every host. */
export class HostTable<Value> {
  readonly #everyHost = new PathNode<Value>();
  /** By normal name; a suffix keeps its `*.`. `null` where no route names a host: then none is read. */
  #byHost: Map<string, PathNode<Value>> | null = null;

  add(route: CompiledRoute<Value>): void {
    if (route.hosts === null) {
      this.#everyHost.add(route);
      return;
    }
    this.#byHost ??= new Map();
    for (const key of new Set(route.hosts.map(hostKey))) {
      let tree = this.#byHost.get(key);
      if (tree === undefined) this.#byHost.set(key, (tree = new PathNode()));
      tree.add(route);
    }
  }

  /** Looks into the trees that fit, the most specific first, until `look` has a result. */
  search<Request, Result>(
    host: string,
    request: Request,
    look: (tree: PathNode<Value>, request: Request) => Result | null,
  ): Result | null {
    if (this.#byHost !== null && host !== '') {
      const trees = this.#byHost;
      const { name, port } = splitHost(host);
      const result = lookUp(trees, name, port, request, look) ?? searchSuffixes(trees, name, port, request, look);
      if (result !== null) return result;
    }
    return look(this.#everyHost, request);
  }
}

type Look<Value, Request, Result> = (tree: PathNode<Value>, request: Request) => Result | null;
type Trees<Value> = ReadonlyMap<string, PathNode<Value>>;

function searchSuffixes<Value, Request, Result>(
  trees: Trees<Value>,
  name: string,
  port: string,
  request: Request,
  look: Look<Value, Request, Result>,
): Result | null {
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const result = lookUp(trees, `*${name.slice(dot)}`, port, request, look);
    if (result !== null) return result;
  }
  return null;
}

/** A host with its port is more specific than the host. */
function lookUp<Value, Request, Result>(
  trees: Trees<Value>,
  name: string,
  port: string,
  request: Request,
  look: Look<Value, Request, Result>,
): Result | null {
  const withPort = port === '' ? undefined : trees.get(`${name}${port}`);
  const result = withPort === undefined ? null : look(withPort, request);
  if (result !== null) return result;
  const tree = trees.get(name);
  return tree === undefined ? null : look(tree, request);
}

/** The normal form of a host, with its port if it has one. */
export function hostKey(host: string): string {
  const { name, port } = splitHost(host);
  return `${name}${port}`;
}

/** `port` is `''` or `':8080'`. A dot at the end names the same host, so it must not slip past a host's routes. */
function splitHost(host: string): { name: string; port: string } {
  const lower = host.toLowerCase();
  const colon = lower.lastIndexOf(':');
  const hasPort = colon > lower.lastIndexOf(']');
  const name = hasPort ? lower.slice(0, colon) : lower;
  return { name: name.endsWith('.') ? name.slice(0, -1) : name, port: hasPort ? lower.slice(colon) : '' };
}
