/** A change of a resource that AWS would refuse, and the analyzers' rules that must report it. */
export interface ConstraintMutant {
  readonly what: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs of every type
  readonly mutate: (inputs: Record<string, any>) => void;
  /** Analyzer and rule, as `botocore enum`. */
  readonly expected: readonly string[];
}

const FUNCTION = "aws:lambda/function:Function";

/** At least one mutant for each class of constraint, for each analyzer that checks the class. */
export const CONSTRAINT_MUTANTS: readonly ConstraintMutant[] = [
  {
    what: "a required member is missing",
    type: FUNCTION,
    mutate: (inputs) => {
      delete inputs.role;
    },
    expected: ["botocore required", "cfn-lint E3003"],
  },
  {
    what: "a value is none of an enumeration",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.runtime = "nodejs99.x";
    },
    expected: ["botocore enum", "cfn-lint E3030"],
  },
  {
    what: "a text does not match its pattern",
    type: "aws:iam/role:Role",
    mutate: (inputs) => {
      inputs.name = "rates dev";
    },
    expected: ["botocore pattern"],
  },
  {
    what: "the description of a security group has an apostrophe",
    type: "aws:ec2/securityGroup:SecurityGroup",
    mutate: (inputs) => {
      inputs.description = "Glue's own";
    },
    expected: ["cfn-lint E3031"],
  },
  {
    what: "a text is too long",
    type: "aws:iam/role:Role",
    mutate: (inputs) => {
      inputs.name = "r".repeat(65);
    },
    expected: ["botocore length"],
  },
  {
    what: "a number is out of its range",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.memorySize = 64;
    },
    expected: ["botocore range", "cfn-lint E3034"],
  },
  {
    what: "a value has another type",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.memorySize = "much";
    },
    expected: ["botocore type", "cfn-lint E3012"],
  },
  {
    what: "a list has too many items",
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
    what: "a function without a capacity provider runs longer than such functions may",
    type: FUNCTION,
    mutate: (inputs) => {
      inputs.timeout = 901;
    },
    expected: ["cfn-lint E3717"],
  },
  {
    what: "processors and memory do not go together",
    type: "aws:ecs/taskDefinition:TaskDefinition",
    mutate: (inputs) => {
      Object.assign(inputs, { cpu: "256", memory: "8192" });
    },
    expected: ["cfn-lint E3047"],
  },
  {
    what: "a policy has an effect that there is not",
    type: "aws:sqs/queuePolicy:QueuePolicy",
    mutate: (inputs) => {
      inputs.policy = inputs.policy.replace('"Deny"', '"Refuse"');
    },
    expected: ["cfn-lint E3512"],
  },
];
