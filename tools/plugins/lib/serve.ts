import { flushCompileCache } from "node:module";
import { main } from "@pulumi/pulumi/provider/index.js";
import type { Provider } from "@pulumi/pulumi/provider/provider.js";
import { type StandIn, standInNotice } from "../standIns.ts";
import { connectEngine, type Engine, type EngineLog } from "./engine.ts";

const silent: EngineLog = {
  info: () => {},
  progress: () => {},
  debug: () => {},
  flushed: () => Promise.resolve(),
};

/** The engine gives flags, if any, before its address. */
function engineAddress(args: readonly string[]): string | undefined {
  const last = args.at(-1);
  return last?.startsWith("-") ? undefined : last;
}

/** Says once, when it first makes or changes a resource, that this is a stand-in: a preview or a no-op is quiet. */
function announcing(provider: Provider, announce: () => void): Provider {
  let announced = false;
  const announcingOnce =
    <Args extends unknown[], Result>(operation: (...args: Args) => Result) =>
    (...args: Args): Result => {
      if (!announced) announce();
      announced = true;
      return operation(...args);
    };
  const { create, update } = provider;
  return {
    ...provider,
    ...(create && { create: announcingOnce(create) }),
    ...(update && { update: announcingOnce(update) }),
  };
}

/** Ends this process and what it started; the engine makes each plugin the leader of a process group. */
function endProcessGroup(): void {
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    process.exit(1);
  }
}

async function endWithEngine(engine: Engine, provider: Provider): Promise<void> {
  await engine.gone;
  await provider.cancel?.();
  endProcessGroup();
}

/** Serves a stand-in to the engine that started this process, until the engine ends it. */
export async function serve(standIn: StandIn, makeProvider: (log: EngineLog) => Provider): Promise<void> {
  const args = process.argv.slice(2);
  const address = engineAddress(args);
  const engine = address === undefined ? undefined : connectEngine(address);
  const log = engine ?? silent;
  const provider = announcing(makeProvider(log), () => log.info(standInNotice(standIn)));
  if (engine) {
    // The server prints the stack of each failed call, which the engine would show beside the error itself.
    console.error = (...message: unknown[]) => log.debug(message.join(" "));
    void endWithEngine(engine, provider);
  }
  // The engine kills its plugins, which then leave nothing in the cache of compiled code.
  setTimeout(flushCompileCache, 1_000).unref();
  await main({ ...provider, version: standIn.version }, args);
}
