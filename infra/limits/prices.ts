import type { Ec2Type, RdsClass, Source } from "./limits.ts";

/**
 * AWS prices of the resources of a stack, in US dollars without tax, in one region: list prices, On-Demand, without
 * free tiers, each with its source and date. Most come from copies, in public repositories, of the price files that AWS's
 * pricing pages load; `source` states the date of each copy. Prices marked "unverified" are from memory and correct to
 * about 10 %.
 */
export interface Price {
  readonly usd: number;
  /** Unit of the price. */
  readonly per: "hour" | "month" | "GB per month" | "vCPU per hour" | "GB per hour" | "DPU per hour";
  readonly source: Source;
}

/** Region of all prices. */
export const PRICED_REGION = "eu-central-1";

/** Hours per month in AWS's own examples. */
export const MONTH_HOURS = 730;

const priceFrom =
  (per: Price["per"], document: string, checked: Source["checked"] = "2026-11") =>
  (usd: number): Price => ({ usd, per, source: { document, checked } });
/** Returns the source of prices from a GitHub repository's copy of a pricing page's price file. */
const quotedFrom = (page: string, published: string, repository: string): string =>
  `${page} pricing of ${published}, AWS's file in ${repository}`;

const PAGES = "lamngockhuong/aws-price";
const vpc = priceFrom("hour", quotedFrom("Amazon VPC", "2025-11-04", PAGES));
const cloudwatch = priceFrom("month", quotedFrom("Amazon CloudWatch", "2025-09-23", PAGES));
const FARGATE = quotedFrom("AWS Fargate", "2025-10-27", PAGES);
const EC2_SHOP = "yeo/ec2.shop";
const RDS = quotedFrom("Amazon RDS for PostgreSQL", "2024-09-28", EC2_SHOP);
const SEARCH = quotedFrom("Amazon OpenSearch Service", "2024-08-28", EC2_SHOP);

/** Prices by purpose. */
export const PRICES = {
  natGateway: priceFrom("hour", quotedFrom("NAT gateway", "2025-10-28", PAGES))(0.052),
  endpoint: vpc(0.012),
  publicAddress: vpc(0.005),
  // No copy of this page's price file was found; the price is from a public program of that time.
  loadBalancer: priceFrom("hour", "Elastic Load Balancing pricing of 2017-12-18, in a public program's table")(0.027),
  databaseStorage: priceFrom("GB per month", RDS)(0.137),
  searchStorage: priceFrom("GB per month", SEARCH)(0.1452),
  glue: priceFrom("DPU per hour", quotedFrom("AWS Glue", "2025-07-18", PAGES))(0.44),
  alarm: cloudwatch(0.1),
  metric: cloudwatch(0.3),
  dashboard: cloudwatch(3),
  key: priceFrom("month", quotedFrom("AWS Key Management Service", "2025-08-28", PAGES))(1),
  secret: priceFrom("month", "AWS Secrets Manager pricing", "unverified")(0.4),
} as const satisfies Record<string, Price>;

/** Prices of a Fargate task's vCPUs and memory. */
export const FARGATE_PRICES = {
  arm64: { vcpu: priceFrom("vCPU per hour", FARGATE)(0.03725), gb: priceFrom("GB per hour", FARGATE)(0.00409) },
  x86_64: { vcpu: priceFrom("vCPU per hour", FARGATE)(0.04656), gb: priceFrom("GB per hour", FARGATE)(0.00511) },
} as const;

const byName = <Name extends string>(per: (usd: number) => Price, prices: Record<Name, number>): Record<Name, Price> =>
  Object.fromEntries(Object.entries<number>(prices).map(([name, usd]) => [name, per(usd)])) as Record<Name, Price>;

/** RDS for PostgreSQL, Single-AZ. */
export const RDS_PRICES = byName<RdsClass>(priceFrom("hour", RDS), {
  "db.t4g.micro": 0.019,
  "db.t4g.small": 0.037,
  "db.t4g.medium": 0.074,
  "db.t4g.large": 0.149,
  "db.t4g.xlarge": 0.298,
  "db.t3.medium": 0.084,
  "db.t3.large": 0.168,
  "db.m6i.large": 0.212,
  "db.m6i.xlarge": 0.424,
  "db.m7g.large": 0.2,
  "db.m7g.xlarge": 0.401,
  "db.m7g.2xlarge": 0.801,
  "db.m7g.4xlarge": 1.602,
  "db.r6i.large": 0.305,
  "db.r6i.xlarge": 0.61,
  "db.r7g.large": 0.291,
  "db.r7g.xlarge": 0.582,
  "db.r7g.2xlarge": 1.165,
  "db.r7g.4xlarge": 2.329,
});

/** EC2, Linux, On-Demand. */
export const EC2_PRICES = byName<Ec2Type>(
  priceFrom("hour", quotedFrom("Amazon EC2 On-Demand", "2025-04-04", EC2_SHOP)),
  {
    "t3.small": 0.024,
    "t3.medium": 0.048,
    "t4g.small": 0.0192,
    "t4g.medium": 0.0384,
    "c6i.large": 0.097,
    "c6i.xlarge": 0.194,
    "c7i.large": 0.10185,
    "c7i.xlarge": 0.2037,
    "c7g.large": 0.0825,
    "c7g.xlarge": 0.1649,
    "m6i.large": 0.115,
    "m6i.xlarge": 0.23,
    "m7i.large": 0.12075,
    "m7g.large": 0.0978,
    "m7g.xlarge": 0.1955,
  },
);

/** OpenSearch Service, On-Demand; a configuration may have types without a price here. */
export const SEARCH_PRICES: Readonly<Record<string, Price>> = {
  ...byName(priceFrom("hour", SEARCH), {
    "t3.small.search": 0.042,
    "t3.medium.search": 0.084,
    "m6g.large.search": 0.153,
    "m7g.large.search": 0.162,
    "m7g.xlarge.search": 0.325,
    "r7g.large.search": 0.214,
    "r7g.xlarge.search": 0.429,
  }),
  // Newer than the copied price file: half the price of the next size, as in other regions.
  "m7g.medium.search": priceFrom("hour", "Amazon OpenSearch Service pricing", "unverified")(0.081),
};

/** All prices. */
export const allPrices = (): Price[] =>
  [PRICES, ...Object.values(FARGATE_PRICES), RDS_PRICES, EC2_PRICES, SEARCH_PRICES].flatMap(
    (prices: Readonly<Record<string, Price>>) => Object.values(prices),
  );
