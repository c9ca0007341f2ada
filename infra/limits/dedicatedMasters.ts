/**
 * OpenSearch's leaders. From so many data nodes on the election of one and the cluster's state are the work of three
 * nodes of their own. Below, the data nodes of three zones are a quorum by themselves: the state is one index a month
 * with a single shard, and three more instances would cost more than they steady.
 */
export const SEARCH_LEADERS = { from: 10, count: 3, instanceType: "m7g.large.search" } as const;

/** How many nodes of a domain do nothing else than lead. */
export const leadersOf = (dataNodes: number): number => (dataNodes >= SEARCH_LEADERS.from ? SEARCH_LEADERS.count : 0);
