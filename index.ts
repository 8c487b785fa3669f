import * as pulumi from "@pulumi/pulumi";
import { startPlugins } from "./tools/stack/plugins.ts";
import { spareSdkWork } from "./tools/stack/sdk.ts";

spareSdkWork();
// A preview changes nothing, so its plugins can start while Node reads the program, whose first act is to find what is
// wrong with the configuration; see docs/adr/0011.
if (pulumi.runtime.isDryRun()) await startPlugins();
const { default: outputs } = await import("./program.ts");

/** The stack's outputs. */
export default outputs;
