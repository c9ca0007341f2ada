/**
 * AWS's other partitions by the prefix of their regions (botocore's partitions.json). IAM, ARNs, endpoints and service
 * principals differ by partition, and no role of one can be assumed from another.
 */
const OTHER_PARTITIONS: Readonly<Record<string, string>> = {
  "cn-": "aws-cn",
  "eu-isoe-": "aws-iso-e",
  "eusc-": "aws-eusc",
  "us-gov-": "aws-us-gov",
  "us-iso-": "aws-iso",
  "us-isob-": "aws-iso-b",
  "us-isof-": "aws-iso-f",
};

/** The partition whose ARNs and endpoints the program writes. */
const PARTITION = "aws";

/** Returns the partition of a region. */
export const partitionOf = (region: string): string =>
  Object.entries(OTHER_PARTITIONS).find(([prefix]) => region.startsWith(prefix))?.[1] ?? PARTITION;

/** Returns the reason why a region cannot be used; undefined if it is in the partition `aws`. */
export function partitionProblem(region: string): string | undefined {
  const partition = partitionOf(region);
  if (partition === PARTITION) return undefined;
  return `is in the partition ${partition}, and this program writes ARNs, endpoints and service principals of the partition ${PARTITION} only: use a region of that partition, for example eu-central-1.`;
}
