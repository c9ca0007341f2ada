import type { Cloud } from "./cloud.ts";
import type { Properties, Value } from "./values.ts";

/** A resource that is being created: the data for its id, ARN and outputs. */
export interface CreateContext {
  readonly account: string;
  readonly region: string;
  /** Its name in the cloud, or its name in the program if its type has no names. */
  readonly name: string;
  readonly inputs: Properties;
  readonly cloud: Cloud;
  /** Returns new hexadecimal digits. */
  hex(digits: number): string;
}

/** Naming of a type. */
export interface Naming {
  /** The property that holds the name. */
  readonly property: string;
  /** Maximum number of characters of a name. */
  readonly max: number;
  /** Valid form of a name. */
  readonly pattern?: RegExp;
  /** Scope in which a name is unique. */
  readonly unique: "region" | "account" | "world" | "nowhere";
  /** Generates the name from the name in the program by default. */
  readonly automatic: boolean;
  /** Error for a name that is already taken. */
  readonly taken: string;
}

/** A condition under which a resource is not deleted: the property has the value (null: is missing). */
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
  readonly id?: (made: CreateContext) => string;
  readonly arn?: (made: CreateContext) => string;
  /** Outputs in addition to the id, the ARN and the tags. */
  readonly outputs?: (made: CreateContext & { readonly id: string; readonly arn: string }) => Properties;
  /** Defaults of the provider, known in a preview. */
  readonly defaults?: Properties;
  /** Inputs that the cloud chooses if the program does not set them: unknown in a preview. */
  readonly chosen?: readonly string[];
  /** Outputs that change with each update: versions count up, also at the end of ARNs, and digests change. */
  readonly changing?: readonly string[];
  /** Outputs that an update computes again. */
  readonly updateOutputs?: (made: CreateContext & { readonly id: string }) => Properties;
  /** Inputs that cannot be changed in place, in addition to the name. */
  readonly replace?: readonly string[] | ((inputs: Properties) => readonly string[]);
  readonly guards?: readonly Guard[];
  /** Side effect of its deletion, called with its current inputs. If it throws, the resource is kept. */
  readonly onDelete?: (made: CreateContext & { readonly id: string }) => void;
}
