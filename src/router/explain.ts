import type { HostTable } from './host-table.js';
import type { PathNode } from './path-tree.js';
import type { ConsideredRoute, RouteExplanation, RouterRequest, RouterResult } from './types.js';

/** What ended the search. */
interface Decision<Value> {
  readonly tree: PathNode<Value>;
  readonly result: RouterResult<Value>;
}

/** Searches as `match` does, but goes on behind the decision, and notes what happens to every route on the way. */
export function explainMatch<Value>(
  hosts: HostTable<Value>,
  request: RouterRequest,
  caseSensitive: boolean,
): RouteExplanation<Value> {
  const { method = 'GET' } = request;
  const considered: ConsideredRoute[] = [];
  const decisions: Decision<Value>[] = [];

  hosts.search(request.host ?? '', request, function noteTree(tree) {
    return tree.search(request, caseSensitive, function noteGroup(group, _request, end) {
      let otherwise = laterReason(decisions[0], tree, method);
      if (decisions.length === 0) {
        const result = group.pick(request, end);
        if (result !== null) decisions.push({ tree, result });
        otherwise = 'matched';
      }
      for (const route of group.list(method)) {
        const failure = route.failure(request);
        considered.push({ id: route.id, path: route.path, reason: failure ?? otherwise });
        if (failure === null && otherwise === 'matched') otherwise = 'a more specific or earlier route of the path won';
      }
      return null;
    });
  });
  return { matched: decisions[0]?.result ?? null, considered };
}

function laterReason<Value>(decision: Decision<Value> | undefined, tree: PathNode<Value>, method: string): string {
  const winner = decision?.tree === tree ? 'a more specific path' : 'a more specific host';
  return decision?.result?.kind === 'found' ? `${winner} won` : `${winner} does not allow ${method}`;
}
