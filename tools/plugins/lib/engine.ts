import engineProtocol from "@pulumi/pulumi/proto/engine_pb.js";
import { getEngine, resetOptions } from "@pulumi/pulumi/runtime/settings.js";

const { LogRequest, LogSeverity } = engineProtocol;
type Severity = (typeof LogSeverity)[keyof typeof LogSeverity];

/** Messages to the user, through the engine, about a resource (its URN) or the whole stack (no URN). */
export interface EngineLog {
  /** Stays on the screen. */
  info(message: string, urn?: string): void;
  /** Shown beside the resource while it is being worked on. */
  progress(message: string, urn: string): void;
  /** Shown only when asked for. */
  debug(message: string): void;
  /** Resolves when all that was logged has reached the engine. */
  flushed(): Promise<void>;
}

export interface Engine extends EngineLog {
  /** Resolves when the engine has died without closing this plugin. */
  readonly gone: Promise<void>;
}

/** Long enough for a busy machine: taking a living engine for dead would break off what it waits for. */
const reconnectMilliseconds = 5_000;
const healthCheckMilliseconds = 2_000;

/** The part of a gRPC client that tells whether its server still lives. */
interface Connection {
  waitForReady(deadline: number, callback: (error?: Error) => void): void;
}

function whenGone(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    const check = () =>
      connection.waitForReady(Date.now() + reconnectMilliseconds, (error) => {
        if (error) resolve();
        else setTimeout(check, healthCheckMilliseconds).unref();
      });
    check();
  });
}

/** Connects to the engine that started this plugin. `address` is the argument it gave. */
export function connectEngine(address: string): Engine {
  resetOptions("", "", -1, address, "", false, "");
  const client = getEngine();
  if (!client) throw new Error(`no Pulumi engine at ${address}`);

  let sent = Promise.resolve();
  const send = (severity: Severity, message: string, urn = "", ephemeral = false) => {
    const request = new LogRequest();
    request.setSeverity(severity);
    request.setMessage(message);
    request.setUrn(urn);
    request.setEphemeral(ephemeral);
    // One after the other, so that lines arrive in order; a lost log line must not fail the resource.
    sent = sent.then(() => new Promise((resolve) => client.log(request, () => resolve())));
  };
  return {
    info: (message, urn) => send(LogSeverity.INFO, message, urn),
    progress: (message, urn) => send(LogSeverity.INFO, message, urn, true),
    debug: (message) => send(LogSeverity.DEBUG, message),
    flushed: () => sent,
    gone: whenGone(client as unknown as Connection),
  };
}
