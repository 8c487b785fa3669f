import { setImmediate } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";

/** The part of the engine's client through which the SDK sends log messages. */
export interface EngineLog {
  log(request: { getSeverity(): number }, done: () => void): unknown;
}

/** Severity of a debug message, as the engine's protocol numbers it. */
const debugSeverity = 0;

/**
 * Spares what the SDK does for debugging alone, a third of a preview's CPU time:
 *
 * - It reads a stack trace for each promise that it makes, and its host maps each frame to sources. Here types are
 *   stripped in place, so positions are right as they are.
 * - It sends the engine debug messages for each resource, one call after the other, which nobody sees without
 *   `--debug`. MLOPS_SDK_DEBUG=1 lets them through.
 */
export function spareSdkWork(engine = pulumi.runtime.getEngine() as EngineLog | undefined): void {
  Error.prepareStackTrace = undefined as never;
  if (engine === undefined || process.env.MLOPS_SDK_DEBUG === "1") return;
  const send = engine.log.bind(engine);
  engine.log = (request, done) => {
    if (request.getSeverity() === debugSeverity) done();
    else send(request, done);
  };
}

/** How often the event loop has to turn until calls that wait for nothing else are on their way. */
const turns = 20;

/**
 * Resolves once the engine has been told of all resources that wait for nothing. It starts the plugin of a package
 * when the package's first resource comes, one plugin after the other; without this it would hear of none before
 * the whole program has been read.
 */
export async function registrationsSent(): Promise<void> {
  const stack = pulumi.runtime.getStackResource();
  // Each call names its parent.
  await new Promise<void>((resolve) => stack?.urn.apply(() => resolve()) ?? resolve());
  for (let turn = 0; turn < turns; turn += 1) await setImmediate();
}
