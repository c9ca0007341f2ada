import type { Ec2Type, RdsClass, Source } from "./limits.ts";

/**
 * What AWS asks for the things that a stack is made of, in US dollars without tax, in one region: list prices, On-Demand,
 * without free tiers. Each says where it stands and when it was read there; those marked "unverified" are from memory
 * and right to about a tenth.
 */
export interface Price {
  readonly usd: number;
  /** What one costs that much. */
  readonly per: "hour" | "month" | "GB a month" | "vCPU an hour" | "GB an hour" | "DPU an hour";
  readonly source: Source;
}

/** The region of all prices. */
export const PRICED_REGION = "eu-central-1";

const at = (document: string): Source => ({ document, checked: "unverified" });
const priced =
  (per: Price["per"], document: string) =>
  (usd: number): Price => ({ usd, per, source: at(document) });

const network = priced("hour", "Amazon VPC pricing");
const cloudwatch = priced("month", "Amazon CloudWatch pricing");
const FARGATE = "AWS Fargate pricing";

/** Prices by what they are for. */
export const PRICES = {
  natGateway: network(0.052),
  endpoint: network(0.012),
  publicAddress: network(0.005),
  loadBalancer: priced("hour", "Elastic Load Balancing pricing")(0.027),
  databaseStorage: priced("GB a month", "Amazon RDS for PostgreSQL pricing")(0.137),
  searchStorage: priced("GB a month", "Amazon OpenSearch Service pricing")(0.146),
  glue: priced("DPU an hour", "AWS Glue pricing")(0.44),
  alarm: cloudwatch(0.1),
  metric: cloudwatch(0.3),
  dashboard: cloudwatch(3),
  key: priced("month", "AWS Key Management Service pricing")(1),
  secret: priced("month", "AWS Secrets Manager pricing")(0.4),
} as const satisfies Record<string, Price>;

/** A Fargate task's processors and memory. */
export const FARGATE_PRICES = {
  arm64: { vcpu: priced("vCPU an hour", FARGATE)(0.03725), gb: priced("GB an hour", FARGATE)(0.00409) },
  x86_64: { vcpu: priced("vCPU an hour", FARGATE)(0.04656), gb: priced("GB an hour", FARGATE)(0.00511) },
} as const;

const byName = <Name extends string>(per: (usd: number) => Price, prices: Record<Name, number>): Record<Name, Price> =>
  Object.fromEntries(Object.entries<number>(prices).map(([name, usd]) => [name, per(usd)])) as Record<Name, Price>;

/** RDS for PostgreSQL, Single-AZ. */
export const RDS_PRICES = byName<RdsClass>(priced("hour", "Amazon RDS for PostgreSQL pricing"), {
  "db.t4g.micro": 0.018,
  "db.t4g.small": 0.036,
  "db.t4g.medium": 0.073,
  "db.t4g.large": 0.147,
  "db.t4g.xlarge": 0.293,
  "db.t3.medium": 0.085,
  "db.t3.large": 0.17,
  "db.m6i.large": 0.214,
  "db.m6i.xlarge": 0.428,
  "db.m7g.large": 0.202,
  "db.m7g.xlarge": 0.404,
  "db.m7g.2xlarge": 0.808,
  "db.m7g.4xlarge": 1.616,
  "db.r6i.large": 0.3,
  "db.r6i.xlarge": 0.6,
  "db.r7g.large": 0.287,
  "db.r7g.xlarge": 0.574,
  "db.r7g.2xlarge": 1.148,
  "db.r7g.4xlarge": 2.296,
});

/** EC2, Linux, On-Demand. */
export const EC2_PRICES = byName<Ec2Type>(priced("hour", "Amazon EC2 On-Demand pricing"), {
  "t3.small": 0.024,
  "t3.medium": 0.048,
  "t4g.small": 0.0192,
  "t4g.medium": 0.0384,
  "c6i.large": 0.097,
  "c6i.xlarge": 0.194,
  "c7i.large": 0.1019,
  "c7i.xlarge": 0.2037,
  "c7g.large": 0.0826,
  "c7g.xlarge": 0.1653,
  "m6i.large": 0.115,
  "m6i.xlarge": 0.23,
  "m7i.large": 0.1208,
  "m7g.large": 0.0979,
  "m7g.xlarge": 0.1958,
});

/** OpenSearch Service, On-Demand; a configuration may name types that are not here. */
export const SEARCH_PRICES: Readonly<Record<string, Price>> = byName(
  priced("hour", "Amazon OpenSearch Service pricing"),
  {
    "t3.small.search": 0.042,
    "t3.medium.search": 0.085,
    "m6g.large.search": 0.154,
    "m7g.medium.search": 0.081,
    "m7g.large.search": 0.162,
    "m7g.xlarge.search": 0.324,
    "r7g.large.search": 0.241,
    "r7g.xlarge.search": 0.482,
  },
);

/** Every price there is. */
export const allPrices = (): Price[] =>
  [PRICES, ...Object.values(FARGATE_PRICES), RDS_PRICES, EC2_PRICES, SEARCH_PRICES].flatMap(
    (prices: Readonly<Record<string, Price>>) => Object.values(prices),
  );
