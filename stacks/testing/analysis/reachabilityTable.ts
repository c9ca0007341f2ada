/** Network destinations of a component, and actions of its roles that others perform on its behalf. */
export interface PartReach {
  /** Names of its roles after `rates-<stack>-`: its own, and the one that starts it within its own network. */
  readonly roles: readonly string[];
  /** IAM prefixes of the services that it calls from its own network interfaces. */
  readonly calls: readonly string[];
  /** IAM prefixes of its roles' other actions, each with the reason why the part needs no connection to the service. */
  readonly others: Readonly<Record<string, string>>;
}

const LAMBDA = {
  ec2: "Lambda makes and deletes the network interfaces",
  logs: "Lambda writes the log, outside of the function's network",
} as const;

/** Every part that runs in the network. Each service of a role's actions must be in one of the two lists. */
export const PARTS = {
  dispatcher: {
    roles: ["dispatcher"],
    calls: ["sqs", "s3", "glue", "ec2", "secretsmanager", "rds-db", "es"],
    others: { iam: "PassRole is checked where the run is started; nothing is called", logs: LAMBDA.logs },
  },
  migrations: { roles: ["migrations"], calls: ["secretsmanager", "rds-db"], others: LAMBDA },
  api: { roles: ["api", "api-start"], calls: ["sqs", "s3", "ecr", "logs", "rds-db", "es"], others: {} },
  ec2: { roles: ["ec2"], calls: ["sqs", "s3", "ecr", "logs", "rds-db"], others: {} },
  glue: {
    roles: ["glue"],
    calls: ["sqs", "s3", "rds-db"],
    others: {
      ec2: "Glue makes and deletes the network interfaces",
      glue: "Glue reads the connection before the run starts",
      logs: "Glue writes the log, outside of the connection's network",
    },
  },
  access: { roles: ["access", "access-start"], calls: ["ssmmessages", "ecr"], others: {} },
  smoke: { roles: ["smoke", "smoke-start"], calls: ["sqs", "glue", "ec2", "ecr", "logs"], others: {} },
} as const satisfies Record<string, PartReach>;
export type Part = keyof typeof PARTS;

/**
 * Endpoints through which a service is called, after `com.amazonaws.<region>.`. rds-db and es have none: a part
 * connects to the database, with a token that the SDK signs locally, and to the domain.
 */
export const SERVICE_ENDPOINTS: Readonly<Record<string, readonly string[]>> = {
  // Layers of images are in S3.
  ecr: ["ecr.api", "ecr.dkr", "s3"],
  ec2: ["ec2"],
  glue: ["glue"],
  logs: ["logs"],
  s3: ["s3"],
  secretsmanager: ["secretsmanager"],
  sqs: ["sqs"],
  ssmmessages: ["ssmmessages"],
  "rds-db": [],
  es: [],
};

/** A network resource without which every part still reaches everything. */
export interface RedundantResource {
  /** Regular expression for names after `rates-<stack>-`. */
  readonly name: string;
  /**
   * Variants in which it is redundant.
   * @default all that have it
   */
  readonly variants?: readonly string[];
  readonly reason: string;
}

export const REDUNDANT: readonly RedundantResource[] = [
  {
    name: "network-(ecs|kms|lambda|monitoring|ssm|sts)",
    reason: "for operators' tools inside the network: no part of the platform calls these services",
  },
  {
    name: "network-public-2",
    variants: ["dev", "copy"],
    reason:
      "awsx makes a public subnet in each zone; an internal balancer and a single NAT gateway leave the second empty",
  },
  {
    name: "(access|smoke)-balancer",
    reason: "names the connection, which the rules for the VPC's network and for HTTPS already allow",
  },
  { name: "api-(80|443)", variants: ["prod"], reason: "api.allowedCidrs has every network, the VPC's too" },
];
