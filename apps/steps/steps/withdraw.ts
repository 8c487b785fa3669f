import {
  readClaim,
  readRecord,
  removeVersion,
  servedName,
  withdraw as takeBack,
  versionPrefix,
  wantedVersions,
} from "@mlops/registry";
import { serverOf, showAliases } from "../lib/deployments.ts";
import { modelName, optionalText, versionNumber } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

export const withdraw = defineStep({
  name: "withdraw",
  about: "Cleans up after a deployment that failed: takes its candidate back and removes its files.",
  flags: {
    model: modelName,
    version: {
      ...optionalText("served version; nothing to do if none was claimed"),
      parse: (value: string) => String(versionNumber.parse(value)),
    },
  },
  outputs: {},
  run: async (context, { model, version }) => {
    if (version === undefined) {
      context.log("no version was claimed: nothing to clean up");
      return;
    }
    const name = servedName(model, Number(version));
    const claim = await readClaim(context.registry, model, Number(version));
    if (claim === undefined) {
      context.log(`${name} was never claimed: it has no files`);
      return;
    }
    await context.change(model, (state) => takeBack(state, { servedName: name, version: Number(version) }));
    const record = (await readRecord(context.registry, model))?.record;
    const wanted = record === undefined ? [] : wantedVersions(record);
    if (wanted.some((one) => one.servedName === name)) {
      context.log(`${name} serves: it is left as it is`);
      return;
    }
    const prefix = versionPrefix(serverOf(claim), name);
    const removed = await removeVersion(context.registry, prefix);
    context.log(`${name} is withdrawn, ${removed} files are removed`);
    if (record !== undefined) await showAliases(context, model);
  },
});
