import grpc from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import type * as messages from "@pulumi/pulumi/proto/resource_pb.js";
import protocol from "@pulumi/pulumi/proto/resource_pb.js";
import { fromStruct, toStruct } from "./server.ts";
import { asText, type Properties, resourceReference, UNKNOWN, type Value } from "./values.ts";

/** A resource that a component registered. */
export interface Registered {
  readonly urn: string;
  /** Id; unknown in a preview of the resource's creation. */
  readonly id: string;
  readonly outputs: Properties;
  readonly reference: Value;
}

/** Registration options of a child, in addition to its inputs. */
export interface Options {
  readonly parent: string;
  /** Reference of the provider; undefined for a component. */
  readonly provider?: string;
  /** URNs of the resources from which an input was computed, by input. */
  readonly dependencies?: ReadonlyMap<string, readonly string[]>;
}

/** Registers resources with the engine, as the SDK does for a program. */
export class Registrar {
  readonly #client: InstanceType<typeof service.ResourceMonitorClient>;

  constructor(monitor: string) {
    this.#client = new service.ResourceMonitorClient(monitor, grpc.credentials.createInsecure());
  }

  /** Registers a resource; without a provider, registers a component. */
  async register(type: string, name: string, inputs: Properties, options: Options): Promise<Registered> {
    const request = new protocol.RegisterResourceRequest()
      .setType(type)
      .setName(name)
      .setParent(options.parent)
      .setCustom(options.provider !== undefined)
      .setProvider(options.provider ?? "")
      .setObject(toStruct(inputs))
      .setAcceptsecrets(true)
      .setAcceptresources(true)
      .setSupportspartialvalues(true);
    const allDependencies = new Set<string>();
    for (const [input, urns] of options.dependencies ?? []) {
      const list = new protocol.RegisterResourceRequest.PropertyDependencies().setUrnsList([...urns]);
      request.getPropertydependenciesMap().set(input, list);
      for (const urn of urns) allDependencies.add(urn);
    }
    request.setDependenciesList([...allDependencies]);
    const response = await new Promise<messages.RegisterResourceResponse>((resolve, reject) => {
      this.#client.registerResource(request, (error, response) => (error === null ? resolve(response) : reject(error)));
    });
    const urn = response.getUrn();
    const id = asText(response.getId(), UNKNOWN);
    const outputs = fromStruct(response.getObject());
    return { urn, id, outputs, reference: resourceReference(urn, response.getId()) };
  }

  /** Reports to the engine that a component is complete. */
  async complete(urn: string, outputs: Properties): Promise<void> {
    const request = new protocol.RegisterResourceOutputsRequest().setUrn(urn).setOutputs(toStruct(outputs));
    await new Promise<void>((resolve, reject) => {
      this.#client.registerResourceOutputs(request, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): void {
    this.#client.close();
  }
}
