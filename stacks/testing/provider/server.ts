import grpc from "@grpc/grpc-js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import type * as messages from "@pulumi/pulumi/proto/provider_pb.js";
import protocol from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { Configure, Resource, Session } from "./session.ts";
import type { Properties } from "./values.ts";

/** A provider that runs in this process, and its local port. */
export interface RunningProvider {
  readonly port: number;
  close(): void;
}

/**
 * Serves a provider over the engine's own protocol, in this process. The engine attaches to the port, as to a provider
 * under a debugger. Each configured instance has its own connection, which identifies it. Only providers of components
 * accept marked secrets, because the engine requires this only of them.
 */
export async function serve(version: string, configure: Configure, components = false): Promise<RunningProvider> {
  const server = new grpc.Server();
  const sessions = new Map<string, Session>();
  const sessionOf = (peer: string): Session => {
    const session = sessions.get(peer) ?? configure({});
    sessions.set(peer, session);
    return session;
  };

  server.addService(service.ResourceProviderService, {
    handshake: unaryCall(() => new protocol.ProviderHandshakeResponse().setAcceptSecrets(components)),
    attach: unaryCall(() => new empty.Empty()),
    cancel: unaryCall(() => new empty.Empty()),
    getPluginInfo: unaryCall(() => new plugin.PluginInfo().setVersion(version)),
    configure: unaryCall((request: messages.ConfigureRequest, peer) => {
      sessions.set(peer, configure(fromStruct(request.getArgs())));
      return new protocol.ConfigureResponse().setSupportspreview(true).setAcceptsecrets(components);
    }),
    check: unaryCall((request: messages.CheckRequest, peer) => {
      const seed = request.getRandomseed_asU8();
      const { inputs, refusals } = sessionOf(peer).check(
        resourceOf(request),
        fromStruct(request.getNews()),
        fromStruct(request.getOlds()),
        seed,
      );
      const failures = refusals.map(({ property, reason }) =>
        new protocol.CheckFailure().setProperty(property).setReason(reason),
      );
      return new protocol.CheckResponse().setInputs(toStruct(inputs)).setFailuresList(failures);
    }),
    diff: unaryCall((request: messages.DiffRequest, peer) => {
      const news = fromStruct(request.getNews());
      const olds = fromStruct(request.getOldInputs());
      const { changed, replaces, deleteFirst } = sessionOf(peer).diff(resourceOf(request), news, olds);
      const { DIFF_SOME, DIFF_NONE } = protocol.DiffResponse.DiffChanges;
      const response = new protocol.DiffResponse()
        .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList([...changed])
        .setReplacesList([...replaces])
        .setDeletebeforereplace(deleteFirst)
        .setHasdetaileddiff(true);
      for (const property of changed) {
        const kind = replaces.includes(property) ? "UPDATE_REPLACE" : "UPDATE";
        const detail = new protocol.PropertyDiff().setKind(protocol.PropertyDiff.Kind[kind]).setInputdiff(true);
        response.getDetaileddiffMap().set(property, detail);
      }
      return response;
    }),
    create: unaryCall((request: messages.CreateRequest, peer) => {
      const inputs = fromStruct(request.getProperties());
      const { id, outputs } = sessionOf(peer).create(resourceOf(request), inputs, request.getPreview());
      return new protocol.CreateResponse().setId(id).setProperties(toStruct(outputs));
    }),
    read: unaryCall((request: messages.ReadRequest, peer) => {
      const stored = sessionOf(peer).read(resourceOf(request), request.getId(), fromStruct(request.getInputs()));
      const response = new protocol.ReadResponse().setId(stored?.id ?? "");
      if (stored === undefined) return response;
      return response.setProperties(toStruct(stored.outputs)).setInputs(toStruct(stored.inputs));
    }),
    update: unaryCall((request: messages.UpdateRequest, peer) => {
      const outputs = sessionOf(peer).update(
        resourceOf(request),
        request.getId(),
        fromStruct(request.getNews()),
        fromStruct(request.getOlds()),
        request.getPreview(),
      );
      return new protocol.UpdateResponse().setProperties(toStruct(outputs));
    }),
    delete: unaryCall((request: messages.DeleteRequest, peer) => {
      sessionOf(peer).remove(resourceOf(request), request.getId(), fromStruct(request.getProperties()));
      return new empty.Empty();
    }),
    invoke: unaryCall((request: messages.InvokeRequest, peer) => {
      const result = sessionOf(peer).invoke(request.getTok(), fromStruct(request.getArgs()));
      return new protocol.InvokeResponse().setReturn(toStruct(result));
    }),
    construct: unaryCall((request: messages.ConstructRequest, peer) => construct(sessionOf(peer), request)),
  });

  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, close: () => server.forceShutdown() };
}

async function construct(session: Session, request: messages.ConstructRequest): Promise<messages.ConstructResponse> {
  if (session.construct === undefined)
    throw new Error(`${request.getType()}: this simulated provider builds no components`);
  const dependencies = new Map<string, string[]>();
  request.getInputdependenciesMap().forEach((urns, key) => {
    dependencies.set(key, urns.getUrnsList());
  });
  const providers = new Map<string, string>();
  request.getProvidersMap().forEach((reference, key) => {
    providers.set(key, reference);
  });
  const built = await session.construct({
    urn: "",
    name: request.getName(),
    type: request.getType(),
    parent: request.getParent(),
    inputs: fromStruct(request.getInputs()),
    dependencies,
    providers,
    monitor: request.getMonitorendpoint(),
    preview: request.getDryrun(),
  });
  const response = new protocol.ConstructResponse().setUrn(built.urn).setState(toStruct(built.outputs));
  for (const key of Object.keys(built.outputs)) {
    const urns = new protocol.ConstructResponse.PropertyDependencies().setUrnsList([
      ...(built.dependenciesOf?.[key] ?? built.dependencies),
    ]);
    response.getStatedependenciesMap().set(key, urns);
  }
  return response;
}

/** Creates a gRPC method from a function that returns the response or throws. */
function unaryCall<Request, Response>(
  handle: (request: Request, peer: string) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const respond = async (): Promise<Response> => handle(call.request, call.getPeer());
    respond().then(
      (response) => callback(null, response),
      (error: unknown) =>
        callback({ code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) }),
    );
  };
}

function resourceOf(request: { getUrn(): string; getName(): string; getType(): string }): Resource {
  return { urn: request.getUrn(), name: request.getName(), type: request.getType() };
}

/** Returns the properties of a message. */
export function fromStruct(message: { toJavaScript(): unknown } | undefined): Properties {
  // The protocol has only values that Properties allows.
  return (message?.toJavaScript() ?? {}) as Properties;
}

/** Returns properties as a message. */
export function toStruct(properties: Properties): InstanceType<typeof struct.Struct> {
  return struct.Struct.fromJavaScript(properties);
}
