/** Network destinations of a component, and actions of its roles that need no connection. */
export interface ComponentReach {
  /** Names of its roles after `rates-<stack>-`: its own role, and the role that starts it in its network. */
  readonly roles: readonly string[];
  /** IAM prefixes of the services that it calls from its own network interfaces. */
  readonly calls: readonly string[];
  /** Reason why the component needs no connection to a service, by the IAM prefix of its roles' other actions. */
  readonly others: Readonly<Record<string, string>>;
}

const LAMBDA = {
  ec2: "Lambda creates and deletes the network interfaces",
  logs: "Lambda writes the log, outside of the function's network",
} as const;

/** Every component that runs in the network. Each service of a role's actions must be in `calls` or `others`. */
export const COMPONENTS = {
  dispatcher: {
    roles: ["dispatcher"],
    calls: ["sqs", "s3", "glue", "ec2", "secretsmanager", "rds-db", "es"],
    others: { iam: "PassRole is only a permission, checked when a run is started", logs: LAMBDA.logs },
  },
  migrations: { roles: ["migrations"], calls: ["secretsmanager", "rds-db"], others: LAMBDA },
  api: { roles: ["api", "api-start"], calls: ["sqs", "s3", "ecr", "logs", "rds-db", "es"], others: {} },
  ec2: { roles: ["ec2"], calls: ["sqs", "s3", "ecr", "logs", "rds-db"], others: {} },
  glue: {
    roles: ["glue"],
    calls: ["sqs", "s3", "rds-db"],
    others: {
      ec2: "Glue creates and deletes the network interfaces",
      glue: "Glue reads the connection before the run starts",
      logs: "Glue writes the log, outside of the connection's network",
    },
  },
  access: { roles: ["access", "access-start"], calls: ["ssmmessages", "ecr"], others: {} },
  smoke: { roles: ["smoke", "smoke-start"], calls: ["sqs", "glue", "ec2", "ecr", "logs"], others: {} },
} as const satisfies Record<string, ComponentReach>;
export type Component = keyof typeof COMPONENTS;

/**
 * Names after `com.amazonaws.<region>.` of the endpoints through which a service is called. rds-db and es have none: a
 * component connects directly to the database, with a token that the SDK signs locally, and to the domain.
 */
export const SERVICE_ENDPOINTS: Readonly<Record<string, readonly string[]>> = {
  // Image layers are in S3.
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

/** A network resource without which every component still reaches all its destinations. */
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
    reason: "for operators' tools inside the network: no component of the platform calls these services",
  },
  {
    name: "network-public-2",
    variants: ["dev", "copy"],
    reason:
      "awsx creates a public subnet in each zone; an internal load balancer and a single NAT gateway leave the second empty",
  },
  {
    name: "(access|smoke)-balancer",
    reason: "documents a connection that the rules for the VPC's network and for HTTPS already allow",
  },
  { name: "api-(80|443)", variants: ["prod"], reason: "api.allowedCidrs contains every network, including the VPC's" },
];
