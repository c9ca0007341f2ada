import type { Instance } from "@aws-sdk/client-ec2";

/**
 * Tags by which the instances of one launch find their runs. EC2 gives all of them the same tags, and each its own
 * index (Amazon EC2 User Guide, "Identify each instance launched in a single request"): the tags list the launch's
 * runs, and the instance with index n executes the n-th. It needs no second call, and an instance always has its run.
 */

/** The tags that list the runs of a launch: this, a hyphen, and a number from 0. infra/ec2Runner.sh reads them. */
export const RUNS_TAG = "rates:runs";
/** Run ids (UUIDs of 36 characters) in one tag, separated by spaces: a tag's value has 256 characters at most. */
export const RUNS_PER_TAG = 6;
/**
 * Instances that one launch asks for at most. A resource has 50 tags at most (Amazon EC2 User Guide, tag restrictions),
 * of which this many runs need 17.
 */
export const LAUNCH_SIZE = 100;

/** The tags of a launch for these runs. */
export const runTags = (runs: readonly string[]): { Key: string; Value: string }[] =>
  Array.from({ length: Math.ceil(runs.length / RUNS_PER_TAG) }, (_, index) => ({
    Key: `${RUNS_TAG}-${index}`,
    Value: runs.slice(index * RUNS_PER_TAG, (index + 1) * RUNS_PER_TAG).join(" "),
  }));

/** The run of an instance; undefined for an instance without these tags. */
export function runOf({ AmiLaunchIndex = 0, Tags = [] }: Instance): string | undefined {
  const key = `${RUNS_TAG}-${Math.floor(AmiLaunchIndex / RUNS_PER_TAG)}`;
  return Tags.find(({ Key }) => Key === key)?.Value?.split(" ")[AmiLaunchIndex % RUNS_PER_TAG];
}
