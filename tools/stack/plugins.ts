import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { registrationsSent } from "./sdk.ts";

/**
 * Tells the engine of the packages that every stack uses, and makes their resources use these plugins. The engine
 * starts one plugin after the other and does nothing else meanwhile: told by the first resource of each package, it
 * would keep the whole program waiting; told here, it does so while Node reads the rest of the program.
 */
export async function startPlugins(): Promise<void> {
  const providers: Readonly<Record<string, pulumi.ProviderResource>> = {
    random: new random.Provider("random"),
    command: new command.Provider("command"),
  };
  pulumi.runtime.registerStackTransformation(({ type, props, opts }) => {
    const provider = providers[type.split(":")[0] ?? ""];
    return provider === undefined ? undefined : { props, opts: { ...opts, provider } };
  });
  await registrationsSent();
}
