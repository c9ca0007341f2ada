import type { Cloud } from "./cloud.ts";
import type { Properties, Value } from "./values.ts";

/** Data of a resource that is being created, from which its id, ARN and outputs are computed. */
export interface CreateContext {
  readonly account: string;
  readonly region: string;
  /** The resource's name in the cloud, or in the program if its type has no names. */
  readonly name: string;
  readonly inputs: Properties;
  readonly cloud: Cloud;
  /** Returns new hexadecimal digits. */
  hex(digits: number): string;
}

/** Rules for the names of a type. */
export interface Naming {
  /** The property that holds the name. */
  readonly property: string;
  /** Maximum number of characters of a name. */
  readonly max: number;
  /** Valid form of a name. */
  readonly pattern?: RegExp;
  /** Scope in which a name is unique. */
  readonly unique: "region" | "account" | "world" | "nowhere";
  /** True if a missing name is generated from the name in the program. */
  readonly automatic: boolean;
  /** Error for a name that is already taken. */
  readonly takenError: string;
}

/** A condition that prevents the deletion of a resource: the property has the value (null if it must be missing). */
export interface Guard {
  readonly property: string;
  readonly is: Value;
  /** A property that lifts the condition when it is true. */
  readonly unless?: string;
  readonly error: string;
}

/** Definition of a resource type, beyond the properties that the SDK declares. */
export interface ResourceType {
  readonly naming?: Naming;
  /** @default hexadecimal digits */
  readonly id?: (context: CreateContext) => string;
  readonly arn?: (context: CreateContext) => string;
  /** Outputs in addition to the id, the ARN and the tags. */
  readonly outputs?: (context: CreateContext & { readonly id: string; readonly arn: string }) => Properties;
  /** Defaults of the provider, known in a preview. */
  readonly defaults?: Properties;
  /** Inputs that the cloud chooses if the program does not set them: unknown in a preview. */
  readonly chosen?: readonly string[];
  /** Outputs that change with each update: versions count up, also at the end of ARNs, and digests change. */
  readonly changing?: readonly string[];
  /** Outputs that an update computes again. */
  readonly updateOutputs?: (context: CreateContext & { readonly id: string }) => Properties;
  /** Inputs that cannot be changed in place, in addition to the name. */
  readonly replace?: readonly string[] | ((inputs: Properties) => readonly string[]);
  readonly guards?: readonly Guard[];
  /** Side effect of a deletion, called with the resource's current inputs. If it throws, the resource is kept. */
  readonly onDelete?: (context: CreateContext & { readonly id: string }) => void;
}
