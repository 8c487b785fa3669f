// The entry that Pulumi loads. It starts packs under ts-node, which cannot load ES modules in TypeScript;
// what a JavaScript module imports is loaded by Node itself, with its own type stripping.
import "./index.ts";
