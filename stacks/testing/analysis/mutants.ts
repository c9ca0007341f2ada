/** A change to a resource that AWS would refuse, and the analyzers' rules that must report it. */
export interface ConstraintMutant {
  readonly title: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs of every type
  readonly mutate: (inputs: Record<string, any>) => void;
  /** Analyzer and rule, for example `botocore enum`. */
  readonly expected: readonly string[];
}

const FUNCTION = "aws:lambda/function:Function";

/** At least one mutant for each class of constraint. */
export const CONSTRAINT_MUTANTS: readonly ConstraintMutant[] = [
  {
    title: "a required member is missing",
    type: FUNCTION,
    mutate: (inputs) => {
      delete inputs.role;
    },
    expected: ["botocore required", "cfn-lint E3003"],
  },
  {
    title: "a value is not in its enumeration",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.runtime = "nodejs99.x";
    },
    expected: ["botocore enum", "cfn-lint E3030"],
  },
  {
    title: "a text does not match its pattern",
    type: "aws:iam/role:Role",
    mutate: (inputs) => {
      inputs.name = "rates dev";
    },
    expected: ["botocore pattern"],
  },
  {
    title: "the description of a security group has an apostrophe",
    type: "aws:ec2/securityGroup:SecurityGroup",
    mutate: (inputs) => {
      inputs.description = "Glue's own";
    },
    expected: ["cfn-lint E3031"],
  },
  {
    title: "a text is too long",
    type: "aws:iam/role:Role",
    mutate: (inputs) => {
      inputs.name = "r".repeat(65);
    },
    expected: ["botocore length"],
  },
  {
    title: "a number is out of its range",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.memorySize = 64;
    },
    expected: ["botocore range", "cfn-lint E3034"],
  },
  {
    title: "a value has the wrong type",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.memorySize = "much";
    },
    expected: ["botocore type", "cfn-lint E3012"],
  },
  {
    title: "a list has too many items",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.vpcConfig.subnetIds = Array.from(
        { length: 17 },
        (_, index) => `subnet-${String(index).padStart(17, "0")}`,
      );
    },
    expected: ["botocore length"],
  },
  {
    title: "the timeout of a function without a capacity provider is above the maximum",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.timeout = 901;
    },
    expected: ["cfn-lint E3717"],
  },
  {
    title: "processors and memory are an unsupported combination",
    type: "aws:ecs/taskDefinition:TaskDefinition",
    mutate: (inputs) => {
      Object.assign(inputs, { cpu: "256", memory: "8192" });
    },
    expected: ["cfn-lint E3047"],
  },
  {
    title: "a policy has an invalid effect",
    type: "aws:sqs/queuePolicy:QueuePolicy",
    mutate: (inputs) => {
      inputs.policy = inputs.policy.replace('"Deny"', '"Refuse"');
    },
    expected: ["cfn-lint E3512"],
  },
];
