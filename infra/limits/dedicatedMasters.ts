/**
 * Dedicated master nodes of an OpenSearch domain with at least `minDataNodes` data nodes. In a smaller domain, data nodes
 * act as masters. In three zones they keep a quorum if one zone fails, and the cluster state is small (one single-shard
 * index per month), so dedicated masters would cost more than they improve.
 */
export const DEDICATED_MASTERS = { minDataNodes: 10, count: 3, instanceType: "m7g.large.search" } as const;

/** Returns the number of dedicated master nodes of a domain. */
export const dedicatedMasterCount = (dataNodes: number): number =>
  dataNodes >= DEDICATED_MASTERS.minDataNodes ? DEDICATED_MASTERS.count : 0;
