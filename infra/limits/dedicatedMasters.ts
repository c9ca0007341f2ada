/**
 * OpenSearch's leaders. From so many data nodes on the election of one and the cluster's state are the work of three
 * nodes of their own. Below, the data nodes of three zones are a quorum by themselves: the state is one index a month
 * with a single shard, and three more instances would cost more than they steady.
 */
export const DEDICATED_MASTERS = { from: 10, count: 3, instanceType: "m7g.large.search" } as const;

/** How many nodes of a domain do nothing else than lead. */
export const dedicatedMasterCount = (dataNodes: number): number =>
  dataNodes >= DEDICATED_MASTERS.from ? DEDICATED_MASTERS.count : 0;
