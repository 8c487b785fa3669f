import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { getCallSites } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import debuggable from "@pulumi/pulumi/runtime/debuggable.js";

/** The part of the engine's client through which the SDK sends log messages. */
export interface EngineLog {
  log(request: { getSeverity(): number }, done: () => void): unknown;
}

/** Severity of a debug message, as the engine's protocol numbers it. */
const debugSeverity = 0;

/**
 * Spares what the SDK does for debugging alone, a third of a preview's CPU time:
 *
 * - It reads a stack trace for each promise that it makes, shown only with PULUMI_DEBUG_PROMISE_LEAKS, and its host maps
 *   each frame to sources. Here types are stripped in place, so positions are right as they are.
 * - It sends the engine the whole stack under which each resource was made. The state keeps the first frame alone.
 * - It sends the engine debug messages for each resource, one call after the other, which nobody sees without
 *   `--debug`. MLOPS_SDK_DEBUG=1 lets them through.
 */
export function spareSdkWork(engine = pulumi.runtime.getEngine() as EngineLog | undefined): void {
  Error.prepareStackTrace = undefined as never;
  const promises = debuggable as unknown as PromiseWatch;
  if (!promises.debugPromiseLeaks) spareStackTraces(promises);
  (pulumi.Resource as unknown as SourcePositions).stackTrace = sourcePosition;
  if (engine === undefined || process.env.MLOPS_SDK_DEBUG === "1") return;
  const send = engine.log.bind(engine);
  engine.log = (request, done) => {
    if (request.getSeverity() === debugSeverity) done();
    else send(request, done);
  };
}

/** A position in a source file, as the SDK sends it. */
interface Position {
  readonly uri: string;
  readonly line: number;
  readonly column: number;
}

/** The part of the SDK that finds out where a resource is made; its types do not tell of it. */
interface SourcePositions {
  /** @param skip frames between the caller and the one that matters. */
  stackTrace(skip: number): Position[];
}

function sourcePosition(skip: number): Position[] {
  const frame = getCallSites(skip + 1)[skip];
  if (frame === undefined) return [];
  const { scriptName, lineNumber: line, columnNumber: column } = frame;
  const uri = scriptName.startsWith("/") ? pathToFileURL(scriptName).href : scriptName;
  return [{ uri, line, column }];
}

/** The part of the SDK that watches promises; its types do not tell of it. */
interface PromiseWatch {
  /** PULUMI_DEBUG_PROMISE_LEAKS is set. */
  readonly debugPromiseLeaks: boolean;
  debuggablePromise(promise: Promise<unknown>, context: unknown): Promise<unknown>;
}

function spareStackTraces(watch: PromiseWatch): void {
  const { debuggablePromise } = watch;
  watch.debuggablePromise = (promise, context) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return debuggablePromise(promise, context);
    } finally {
      Error.stackTraceLimit = limit;
    }
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
