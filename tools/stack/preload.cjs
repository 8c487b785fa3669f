"use strict";
/**
 * Node loads this before this project's Pulumi program and its policy pack (NODE_OPTIONS, see ./env); in any other
 * process it does nothing. It makes lazy what Pulumi's SDK loads for what this project never does: to serialize
 * functions (the TypeScript compiler, npm's tree of packages, V8's debugger) and to run programs itself (its automation
 * API). See docs/adr/0011.
 */
const { existsSync, realpathSync } = require("node:fs");
const { createRequire, flushCompileCache } = require("node:module");
const { dirname, join } = require("node:path");

const sdkEntry = /[\\/]@pulumi[\\/]pulumi[\\/]cmd[\\/]run(-plugin|-policy-pack)?[\\/]index\.js$/;

/** Whether a process with these arguments is about to run this project's program or pack. */
function runsThisProject([, script = "", ...args], root = process.env.MLOPS_ROOT) {
  if (!sdkEntry.test(script) || root === undefined) return false;
  const folders = [root, join(root, "policy")].filter(existsSync).map((folder) => realpathSync(folder));
  return args.some((arg) => existsSync(arg) && folders.includes(realpathSync(arg)));
}

/**
 * Puts an object into the place of a module of the SDK that loads it when a property is asked for that is not among
 * `answers`, or when one of `functions` is called. Does nothing if there is no such module: a new SDK may be slower, but
 * must not fail.
 *
 * @param {NodeJS.Require} load
 * @param {string} name
 * @param {{answers?: Readonly<Record<string, unknown>>, functions?: readonly string[]}} known
 */
function makeLazy(load, name, { answers = {}, functions = [] } = {}) {
  const file = resolved(load, name);
  if (file === undefined) return;
  let loaded;
  const real = () => {
    if (loaded === undefined) {
      delete require.cache[file];
      loaded = load(file);
    }
    return loaded;
  };
  // Of what does not say that it was an ES module, `import * as` would copy all properties.
  const known = { __esModule: true, ...answers };
  for (const key of functions) known[key] = (...args) => real()[key](...args);
  const exports = new Proxy({}, { get: (_, key) => (Object.hasOwn(known, key) ? known[key] : real()[key]) });
  const module = { id: file, filename: file, path: dirname(file), loaded: true, children: [], paths: [] };
  require.cache[file] = { ...module, exports };
}

/** @returns {string | undefined} */
function resolved(load, name) {
  try {
    return load.resolve(name);
  } catch {
    return undefined;
  }
}

if (runsThisProject(process.argv)) {
  const load = createRequire(process.argv[1]);
  makeLazy(load, "../../automation");
  makeLazy(load, "../../runtime/closure/codePaths", { functions: ["computeCodePaths"] });
  makeLazy(load, "../../runtime/closure/serializeClosure", {
    functions: ["serializeFunction", "serializeFunctionAsync"],
  });
  makeLazy(load, "../../runtime/closure/v8Hooks", { answers: { isInitializedAsync: async () => undefined } });
  // Positions in the SDK's own sources, for every stack trace that is made and hardly any that is read.
  makeLazy(load, "source-map-support/register");
  // The SDK starts every pack under ts-node and hands it the compiler's options. Here Node itself strips types.
  makeLazy(load, "../../vendor/ts-node@7.0.1", { answers: { register: () => undefined } });
  makeLazy(load, "typescript", { answers: { version: "5.0.0", parseConfigFileTextToJson: () => ({}) } });
  // A pack is killed when all is done, so it leaves no compiled code behind unless it is told to.
  setTimeout(flushCompileCache, 1_000).unref();
}
